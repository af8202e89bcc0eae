// Collects what runtimes bring to the error sink.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft_test {

/// All reports since the last clear(), of all runtimes whose options.error_sink is reports::sink.
class reports {
 public:
  static void sink(std::string_view report) {
    const std::lock_guard hold{lock_};
    all_.emplace_back(report);
  }

  static std::vector<std::string> take() {
    const std::lock_guard hold{lock_};
    return std::exchange(all_, {});
  }

  static void clear() { (void)take(); }

  /// How many of `all` contain `text`.
  static std::size_t with(const std::vector<std::string>& all, std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const std::string& report) { return report.find(text) != std::string::npos; }));
  }

 private:
  static inline std::mutex lock_;
  static inline std::vector<std::string> all_;
};

}  // namespace weft_test

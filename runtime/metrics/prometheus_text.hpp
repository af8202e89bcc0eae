// Writes Prometheus' text exposition format 0.0.4: families of samples, each with HELP and TYPE once.
//
// Names end in their unit, in seconds or bytes, and counters in _total. A family's samples follow its head;
// nothing may come twice.
//
// Source: prometheus.io/docs/instrumenting/exposition_formats, and .../practices/naming.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <weft/runtime/metrics/histogram.hpp>

namespace weft::detail {

class prometheus_text {
 public:
  struct label {
    std::string_view name;
    std::string_view value;
  };
  using labels = std::initializer_list<label>;
  struct state_count {
    std::string_view of;
    std::uint64_t value = 0;
  };

  enum class kind : std::uint8_t { counter, gauge, histogram };

  /// Begins a family. `name` is written as it is.
  void family(std::string_view name, kind k, std::string_view help);

  /// A sample of the last family.
  void sample(labels with, std::uint64_t value);
  void sample(labels with, double value);  // finite, or infinite

  /// Its only one, and the family.
  void single(std::string_view name, kind k, std::string_view help, std::uint64_t value) {
    family(name, k, help);
    sample({}, value);
  }
  void single(std::string_view name, kind k, std::string_view help, double value) {
    family(name, k, help);
    sample({}, value);
  }

  /// A family of durations; and one more, `name` with _max before its unit, for the longest.
  void durations(std::string_view name_without_unit, std::string_view help, const histogram& h);

  /// A family of sizes, as size_counts has them; `sum` is that of all sizes.
  void sizes(std::string_view name, std::string_view help, std::span<const std::uint64_t> counts,
             std::uint64_t sum);

  std::string take() noexcept { return std::move(text_); }

 private:
  void line(std::string_view suffix, labels with, std::string_view value);
  void bucket(std::string_view limit, std::uint64_t so_many);

  std::string text_;
  std::string name_;
};

}  // namespace weft::detail

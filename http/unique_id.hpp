// Ids that are told apart in logs: 16 hexadecimal digits. Unique within the process, and between processes
// as unlikely to meet as random numbers are; not secret.
//
// A counter from a random start, through a mixing that is one to one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/splitmix.hpp>

namespace weft::http::detail {

struct unique_id {
  std::string_view text() const noexcept { return {digits.data(), digits.size()}; }

  std::array<char, 16> digits;
};

class unique_ids {
 public:
  unique_ids() : count_{seed()} {}

  /// Safe from  any fiber or thread. Cost: one atomic addition.
  unique_id take() noexcept {
    std::uint64_t mixed =
        weft::detail::splitmix(count_.fetch_add(weft::detail::splitmix_step, std::memory_order_relaxed));
    unique_id id;
    for (char& digit : id.digits) {
      digit = "0123456789abcdef"[mixed & 15];
      mixed >>= 4;
    }
    return id;
  }

 private:
  static std::uint64_t seed() {
    std::random_device random;
    return static_cast<std::uint64_t>(random()) << 32 | random();
  }

  weft::detail::atomic<std::uint64_t> count_;
};

}  // namespace weft::http::detail

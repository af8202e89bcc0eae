// Ids that are told apart in logs: 16 hexadecimal digits. Unique within the process, and between processes
// as unlikely to meet as random numbers are; not secret.
//
// A counter from a random start, through a mixing that is one to one. Source: Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

#include <weft/runtime/base/atomic.hpp>

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
    std::uint64_t mixed = count_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
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

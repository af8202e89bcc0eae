// The simulator's randomness: xorshift64*, seeded through splitmix64 so that neighbouring seeds have nothing
// in common.
#pragma once

#include <cstdint>

namespace weft::detail {

class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept : state_{mix(seed)} {}

  std::uint64_t next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }

  /// 0 .. count - 1; count is not 0.
  std::uint64_t below(std::uint64_t count) noexcept { return ((next() >> 32) * count) >> 32; }

  /// True once in `n` times.
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  static std::uint64_t mix(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x != 0 ? x : 1;
  }

  std::uint64_t state_;
};

}  // namespace weft::detail

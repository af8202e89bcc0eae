// A counter through a mixing that is one to one: numbers that look random, each once in 2^64.
//
// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#pragma once

#include <cstdint>

namespace weft::detail {

/// What the counter goes up by.
inline constexpr std::uint64_t splitmix_step = 0x9e3779b97f4a7c15;

constexpr std::uint64_t splitmix(std::uint64_t count) noexcept {
  count = (count ^ count >> 30) * 0xbf58476d1ce4e5b9;
  count = (count ^ count >> 27) * 0x94d049bb133111eb;
  return count ^ count >> 31;
}

}  // namespace weft::detail

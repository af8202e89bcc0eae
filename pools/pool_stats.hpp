// What a pool says of itself, and the rule by which it grows and shrinks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weft {

/// A count while others go on is right for some moment in between, per thread.
struct pool_stats {
  std::size_t in_use = 0;      ///< taken and not given back
  std::size_t idle = 0;        ///< free, and the memory is there
  std::size_t capacity = 0;    ///< how many it keeps memory for when they are idle
  std::size_t limit = 0;       ///< the most that may be in use
  std::size_t high_water = 0;  ///< the most that were in use; misses at most what the threads' caches hold
  std::uint64_t hits = 0;      ///< takes that the thread's own cache answered
  std::uint64_t misses = 0;    ///< takes that needed the pool's lock
  std::uint64_t refused = 0;   ///< takes that got nothing: at the limit, or they gave up waiting
};

namespace detail {

/// What a pool should keep memory for, so that between 30 and 90 % of it is in use: as it is if that holds,
/// else so much that 60 % is, which is as far from growing as from shrinking.
constexpr std::size_t next_capacity(std::size_t in_use, std::size_t capacity, std::size_t floor,
                                    std::size_t ceiling) noexcept {
  constexpr std::size_t shrink_below = 3, grow_above = 9, aim = 6;  // tenths
  const std::size_t tenth = capacity / 10, rest = capacity % 10;
  const bool grow = in_use > tenth * grow_above + rest * grow_above / 10;
  const bool shrink = in_use < tenth * shrink_below + rest * shrink_below / 10;
  if (!grow && !shrink) return std::clamp(capacity, floor, ceiling);
  return std::clamp(in_use + (in_use * (10 - aim) + aim - 1) / aim, floor, ceiling);
}

}  // namespace detail
}  // namespace weft

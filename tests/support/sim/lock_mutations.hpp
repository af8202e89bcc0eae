// The mutation test of a primitive that is made of a locked_word.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <sim/explore.hpp>

namespace weft {

/// expect_mutations_found() over locked_word.hpp, in worlds of two workers: exempt is what nobody can notice
/// wherever the word is used, and `more`.
inline void expect_lock_mutations_found(std::uint64_t seeds, const scenario& run,
                                        std::vector<exemption> more = {}) {
  using enum mutation::change;
  more.push_back(
      {"std::uint32_t seen = word_.load", drop, "a first guess: the compare-exchange corrects it"});
  more.push_back(
      {"seen | sleepers, std::memory_order_relaxed", drop, "then it spins: the futex compares with the bit"});
  expect_mutations_found("runtime/locked_word.hpp", seeds, run, more, {.workers = 2});
}

}  // namespace weft

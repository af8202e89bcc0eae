// Vectors held across an inlined switch. One file per instruction set, compiled with its flags, so that the
// clobber list of context_switch() is the one that users with these flags get. These files contain no other
// inline functions: the linker could keep their copy for machines that cannot run it.
#pragma once

#include <cstddef>
#include <utility>

#include <weft/runtime/context/context.hpp>

namespace weft::test {

/// Fills more vectors than there are registers from `seed`, switches to `to` ten times, and answers whether
/// all are as before.
bool hold_vectors_128(detail::context& from, detail::context& to, int seed);
bool hold_vectors_avx2(detail::context& from, detail::context& to, int seed);
bool hold_vectors_avx512(detail::context& from, detail::context& to, int seed);
bool hold_masks_avx512(detail::context& from, detail::context& to, int seed);

/// Calls f(0) to f(Count - 1), unrolled, so that an array whose elements it uses can live in registers.
template <class F, std::size_t... Index>
WEFT_ALWAYS_INLINE void each(F f, std::index_sequence<Index...>) {
  (f(Index), ...);
}

/// `forget(v)` makes the compiler forget what it knows of a vector in a register.
template <class Vector, std::size_t Count, class Forget>
WEFT_ALWAYS_INLINE bool hold_vectors(detail::context& from, detail::context& to, int seed, Forget forget) {
  using all = std::make_index_sequence<Count>;
  Vector a[Count];
  const auto fill = [&](std::size_t i) __attribute__((always_inline)) {
    a[i] = Vector{} + (seed + static_cast<double>(i));
    forget(a[i]);
  };
  each(fill, all{});
  for (int round = 0; round < 10; ++round) {
    detail::context_switch(from, to);
    each([&](std::size_t i) __attribute__((always_inline)) { forget(a[i]); }, all{});
  }
  bool held = true;
  const auto check = [&](std::size_t i) __attribute__((always_inline)) {
    for (unsigned lane = 0; lane < sizeof(Vector) / sizeof(double); ++lane)
      held = held && a[i][lane] == seed + static_cast<double>(i);
  };
  each(check, all{});
  return held;
}

}  // namespace weft::test

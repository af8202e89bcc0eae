// What is in registers survives a switch: each test holds more values across it than there are registers, in
// two coroutines that use the same ones for different values.
#include <weft/runtime/context/context.hpp>

#include <gtest/gtest.h>

#include <cfenv>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "coroutine.hpp"
#include "vectors.hpp"

namespace weft::test {
namespace {

/// Runs `body(seed)` in two coroutines by turns until both have ended; both must answer true.
template <class Body>
void alternate(Body body) {
  const test_stack stacks[2];
  bool held[2] = {};
  coroutine a(stacks[0], [&] { held[0] = body(3); });
  coroutine b(stacks[1], [&] { held[1] = body(1000); });
  for (bool more = true; more;) {
    more = a.resume();
    more = b.resume() || more;
  }
  EXPECT_TRUE(held[0]);
  EXPECT_TRUE(held[1]);
}

// Makes the compiler forget what it knows of a value, which it must therefore keep.
template <class T>
WEFT_ALWAYS_INLINE void opaque(T& value) {
#if defined(__x86_64__)
  if constexpr (std::is_floating_point_v<T>) asm volatile("" : "+x"(value));
  else
#elif defined(__aarch64__)
  if constexpr (std::is_floating_point_v<T>) asm volatile("" : "+w"(value));
  else
#endif
    asm volatile("" : "+r"(value));
}

/// Twenty values, too many for any register file's callee-saved part, across `suspend`.
template <class T, class Suspend>
WEFT_ALWAYS_INLINE bool hold_twenty(int seed, Suspend suspend) {
  using all = std::make_index_sequence<20>;
  T a[20];
  const auto fill = [&](std::size_t i) __attribute__((always_inline)) {
    a[i] = static_cast<T>(seed) + static_cast<T>(i);
    opaque(a[i]);
  };
  each(fill, all{});
  for (int round = 0; round < 10; ++round) {
    suspend();
    each([&](std::size_t i) __attribute__((always_inline)) { opaque(a[i]); }, all{});
  }
  bool held = true;
  const auto check = [&](std::size_t i) __attribute__((always_inline)) {
    held = held && a[i] == static_cast<T>(seed) + static_cast<T>(i);
  };
  each(check, all{});
  return held;
}

TEST(Registers, integers_survive_inlined) {
  alternate([](int seed) { return hold_twenty<std::uint64_t>(seed, [] { coroutine::suspend(); }); });
}

TEST(Registers, doubles_survive_inlined) {
  alternate([](int seed) { return hold_twenty<double>(seed, [] { coroutine::suspend(); }); });
}

[[gnu::noinline]] void suspend_out_of_line() { coroutine::suspend(); }

// The callee-saved registers: the caller leaves values in them, and only the suspending function saves them.
TEST(Registers, integers_survive_behind_a_call) {
  alternate([](int seed) { return hold_twenty<std::uint64_t>(seed, suspend_out_of_line); });
}

TEST(Registers, doubles_survive_behind_a_call) {
  alternate([](int seed) { return hold_twenty<double>(seed, suspend_out_of_line); });
}

TEST(Registers, long_doubles_survive) {
  alternate([](int seed) {
    long double a = seed;
    long double b = seed + 1;
    for (int i = 0; i < 10; ++i) {
      coroutine::suspend();
      a = a * 2 + 1;
      b = b * 2 - 1;
    }
    return a == 1024.0L * seed + 1023 && b == 1024.0L * (seed + 1) - 1023;
  });
}

// Over-aligned and variable-sized locals together make clang take one more register for itself.
TEST(Registers, a_frame_with_a_base_pointer_survives) {
  alternate([](int seed) {
    alignas(64) volatile std::uint64_t aligned[8];
    auto* sized = static_cast<volatile std::uint64_t*>(__builtin_alloca(static_cast<std::size_t>(seed) * 8));
    for (int i = 0; i < seed; ++i) sized[i] = static_cast<std::uint64_t>(i);
    for (std::uint64_t i = 0; i < 8; ++i) aligned[i] = i * static_cast<std::uint64_t>(seed);
    coroutine::suspend();
    bool held = reinterpret_cast<std::uintptr_t>(&aligned) % 64 == 0;
    for (int i = 0; i < seed; ++i) held = held && sized[i] == static_cast<std::uint64_t>(i);
    for (std::uint64_t i = 0; i < 8; ++i) held = held && aligned[i] == i * static_cast<std::uint64_t>(seed);
    return held;
  });
}

// A leaf keeps locals below its stack pointer, where nothing may be written.
TEST(Registers, the_red_zone_survives) {
  alternate([](int seed) {
    volatile int below[8];
    for (int i = 0; i < 8; ++i) below[i] = seed + i;
    coroutine::suspend();
    bool held = true;
    for (int i = 0; i < 8; ++i) held = held && below[i] == seed + i;
    return held;
  });
}

// The environment is the thread's, as documented: who changes it puts it back before suspending.
TEST(Registers, the_rounding_mode_belongs_to_the_thread) {
  if (WEFT_CONTEXT_BOOST) GTEST_SKIP() << "Boost keeps it per stack on x86-64";
  const test_stack stack;
  int inside = -1;
  coroutine c(stack, [&] { inside = std::fegetround(); });
  std::fesetround(FE_UPWARD);
  c.resume();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(inside, FE_UPWARD);
}

/// Runs a function of vectors.hpp in two coroutines.
void alternate_vectors(bool (*hold)(detail::context& from, detail::context& to, int seed)) {
  alternate(
      [hold](int seed) { return hold(coroutine::current->own(), coroutine::current->resumer(), seed); });
}

TEST(Registers, vectors_of_128_bits_survive) { alternate_vectors(hold_vectors_128); }

#if defined(__x86_64__)
TEST(Registers, avx_state_survives) {
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "no AVX2 here";
  alternate_vectors(hold_vectors_avx2);
}

TEST(Registers, avx512_state_survives) {
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "no AVX-512 here";
  alternate_vectors(hold_vectors_avx512);
}

TEST(Registers, avx512_masks_survive) {
  if (!__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "no AVX-512 here";
  alternate_vectors(hold_masks_avx512);
}
#endif

}  // namespace
}  // namespace weft::test

// Every atomic, fence and futex of weft goes through here: the simulator chooses a thread before each of
// them.
//
// Normally atomic<T> is std::atomic<T>. Built with WEFT_SIM, it is a class of the same interface that first
// asks the simulator (tests/support/sim) which of its simulated threads goes on: lost wake-ups sit between
// two atomics on two threads.
#pragma once

#include <cstdint>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>

#if defined(WEFT_SIM)
#include <sim/atomic.hpp>  // the same names; each operation also takes the place where it is written
#else
#include <atomic>
namespace weft::detail {

template <class T>
using atomic = std::atomic<T>;

/// Whether the simulator runs this: what waits by looking then looks less often.
inline constexpr bool simulated = false;

WEFT_ALWAYS_INLINE void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }

/// What a spin loop does once per round; the simulator lets another thread go on here.
WEFT_ALWAYS_INLINE void spin_pause() noexcept { cpu_pause(); }

/// Sleeps while `word` is `expected`, at most until `until`. False: the deadline has passed. May return true
/// for no reason.
bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept;

/// Wakes up to `count` sleepers of `word`. Touches no memory there, so `word` may already be gone.
void futex_wake(const atomic<std::uint32_t>* word, int count) noexcept;

}  // namespace weft::detail
#endif

#include <atomic>

namespace weft::detail {

/// A word that only a signal handler on the same thread shares, so the simulator need not see it either.
template <class T>
using atomic_for_signals = std::atomic<T>;

/// What one thread writes and others may look at meanwhile: what a fiber does, a count. Costs what a plain
/// variable does. No protocol may rest on it, so the simulator passes it by.
template <class T>
class exposed {
 public:
  constexpr exposed(T value = {}) noexcept : value_{value} {}
  exposed(const exposed&) = delete;
  exposed& operator=(const exposed&) = delete;

  WEFT_ALWAYS_INLINE T get() const noexcept { return value_.load(std::memory_order_relaxed); }
  WEFT_ALWAYS_INLINE void set(T value) noexcept { value_.store(value, std::memory_order_relaxed); }

  /// set(get() + more).
  WEFT_ALWAYS_INLINE void add(T more) noexcept {
    if constexpr (adds_in_place && sizeof(T) == sizeof(std::uint64_t))
      add_in_place(&value_, static_cast<std::uint64_t>(more));
    else set(static_cast<T>(get() + more));
  }

 private:
  std::atomic<T> value_;
};

/// Keeps the compiler from moving accesses across it: for what a signal handler on the same thread reads or
/// writes. No other thread can tell, so the simulator need not know.
WEFT_ALWAYS_INLINE void signal_fence(std::memory_order order) noexcept {
  __atomic_signal_fence(static_cast<int>(order));
}

}  // namespace weft::detail

// A mutex between threads of the operating system, for short sections off the hot path: 4 bytes, sleeps on a
// futex, and is seen by the simulator as std::mutex would not be.
//
// The word is free, taken, or taken with sleepers; only who finds sleepers pays for a system call. Who has
// slept takes it as "with sleepers", because it cannot know whether it was the last one: one needless wake-up
// per quarrel. Never held across a suspension. Source: Drepper, "Futexes Are Tricky", 2011, third mutex.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

/// Lockable, as std::lock_guard and std::unique_lock want it.
class thread_mutex {
 public:
  thread_mutex() = default;
  thread_mutex(const thread_mutex&) = delete;
  thread_mutex& operator=(const thread_mutex&) = delete;

  /// Blocks     the thread, until the mutex is free.
  void lock() noexcept {
    if (!try_lock()) [[unlikely]]
      lock_slow();
  }

  bool try_lock() noexcept {
    std::uint32_t seen = unlocked;
    return word_.compare_exchange_strong(seen, locked, std::memory_order_acquire, std::memory_order_relaxed);
  }

  void unlock() noexcept {
    if (word_.exchange(unlocked, std::memory_order_release) == contended) [[unlikely]]
      futex_wake(&word_, 1);
  }

 private:
  static constexpr std::uint32_t unlocked = 0, locked = 1, contended = 2;

  WEFT_NOINLINE void lock_slow() noexcept {
    while (word_.exchange(contended, std::memory_order_acquire) != unlocked)
      futex_wait(word_, contended, deadline::never());
  }

  atomic<std::uint32_t> word_{unlocked};
};

}  // namespace weft::detail

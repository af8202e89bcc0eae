// A lock and 30 bits that it guards, in one word.
//
// The release of the lock and the publication of the new value are one exchange, and that exchange is the
// last touch of the memory. So whoever sees the value, without the lock even, knows that its author has
// left; if the value means "this is over", he may destroy the primitive at once. A flag beside a mutex
// cannot promise that: between the store of the flag and the unlock, the waiter that has seen it is already
// on its way.
//
// The two low bits are those of a mutex that sleeps on a futex (thread_mutex): locked, and locked with
// sleepers. Never held across a suspension.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

class locked_word {
 public:
  static constexpr std::uint32_t value_max = (1u << 30) - 1;

  explicit constexpr locked_word(std::uint32_t value = 0) noexcept : word_{value << shift} {}
  locked_word(const locked_word&) = delete;
  locked_word& operator=(const locked_word&) = delete;

  /// The value as it was last published, though somebody may hold the lock and be about to change it.
  std::uint32_t peek() const noexcept { return word_.load(std::memory_order_acquire) >> shift; }

  /// Changes `seen`, which is what peek() gave, to `desired`, if nobody holds the lock. False: somebody
  /// does, or the value is another by now.
  bool try_change(std::uint32_t seen, std::uint32_t desired) noexcept {
    std::uint32_t expected = seen << shift;
    return word_.compare_exchange_strong(expected, desired << shift, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  /// Takes the lock, and gives the value. Blocks the thread, for as long as a short section takes.
  std::uint32_t lock() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & locked) != 0 || !word_.compare_exchange_strong(seen, seen | locked, std::memory_order_acquire,
                                                               std::memory_order_relaxed))
      return lock_slow();
    return seen >> shift;
  }

  /// Publishes `value` and releases the lock. `this` may be gone as soon as somebody has seen the value.
  void unlock(std::uint32_t value) noexcept {
    atomic<std::uint32_t>* const address = &word_;
    if ((word_.exchange(value << shift, std::memory_order_release) & sleepers) != 0) [[unlikely]]
      futex_wake(address, 1);  // touches no memory
  }

  /// Returns when nobody holds the lock: for the destructor of a primitive that is free before who has freed
  /// it lets go of this lock.
  void await_release() noexcept {
    if ((word_.load(std::memory_order_acquire) & locked) != 0) [[unlikely]]
      unlock(lock());
  }

 private:
  static constexpr std::uint32_t locked = 1, sleepers = 2;
  static constexpr unsigned shift = 2;

  // Who has slept takes the lock as one with sleepers, because it cannot know whether it was the last.
  WEFT_NOINLINE std::uint32_t lock_slow() noexcept {
    std::uint32_t mine = locked;
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & locked) == 0) {
        if (word_.compare_exchange_weak(seen, seen | mine, std::memory_order_acquire,
                                        std::memory_order_relaxed))
          return seen >> shift;
        continue;
      }
      if ((seen & sleepers) == 0 &&
          !word_.compare_exchange_weak(seen, seen | sleepers, std::memory_order_relaxed,
                                       std::memory_order_relaxed))
        continue;
      futex_wait(word_, seen | sleepers, deadline::never());
      mine = locked | sleepers;
      seen = word_.load(std::memory_order_relaxed);
    }
  }

  atomic<std::uint32_t> word_;
};

}  // namespace weft::detail

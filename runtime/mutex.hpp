// Mutual exclusion for fibers and foreign threads alike: waiting parks a fiber and puts a thread to sleep.
//
// One word says who holds it and whether somebody waits, so that taking and releasing it uncontended are one
// compare-exchange each, and the assertion that only its holder releases it comes for free:
//
//   word   address of the holder's parker, or 0 | waiting   somebody is in the queue, or was
//                                               | coming    somebody was woken and has not tried yet
//                                               | thread    the holder is a foreign thread
//
// Release with nobody waiting, or with somebody on the way already: one compare-exchange. Otherwise it locks
// the queue, wakes the oldest (`coming`) and leaves the mutex free: who runs anyway may take it first. That
// is barging, and what makes a busy mutex cheap: the alternative lets it lie idle for as long as a wake-up
// takes, at every release. Who was woken for nothing goes back to the head of the queue; once it has lost for
// hand_over_after it is starved, and the next release hands the mutex to it directly, so that nobody can come
// first. Whoever arrives while the holder runs elsewhere tries for a moment before it waits.
//
// Who frees the mutex under the lock of its queue releases that lock afterwards: the destructor waits for it,
// so a mutex may be destroyed by the next who has had it, as one in an object with a count of its users is.
//
// Source: the starvation rule is that of Go's sync.Mutex (sync/mutex.go), which measures from the first wait;
// the one wake-up at a time is its mutexWoken.
#pragma once

#include <chrono>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {
namespace detail {
struct mutex_wait;
}

class mutex {
 public:
  /// How long one that was woken may lose to others before it is served first: a scheduler's slice would be
  /// felt, and at a hand-over each, a thousand a second cost nothing.
  static constexpr std::chrono::nanoseconds hand_over_after = std::chrono::milliseconds{1};

  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() {
    queue_.await_release();
    WEFT_ASSERT(word_.load(std::memory_order_relaxed) == 0,
                "a mutex was destroyed while somebody holds it or waits for it");
  }

  /// Takes it. By who holds it already: an assertion.
  ///
  /// Blocks     the calling fiber or thread, until it is free. No cancellation point.
  /// Safe from  any fiber or thread.
  /// Cost       one compare-exchange if it is free.
  void lock() noexcept {
    detail::heed_slice();
    const word self = caller();
    if (!take_idle(self)) [[unlikely]]
      (void)lock_slow(self, deadline::never(), /*cancellable=*/false);
  }

  /// Takes it, or gives up.
  ///
  /// Blocks     the calling fiber or thread, until it is free, or `until`.
  /// Errors     deadline_exceeded, canceled: it is not held. Never fails if it is free.
  [[nodiscard]] result<void> lock(deadline until) noexcept { return lock_until(until, /*cancellable=*/true); }

  /// Takes it if it is free, even before those who wait. By who holds it already: an assertion.
  [[nodiscard]] bool try_lock() noexcept {
    const word self = caller();
    return take_idle(self) || take(self, 0);
  }

  /// Releases it. By who does not hold it: an assertion.
  ///
  /// Safe from  the fiber or thread that took it; what it wrote before is visible to who takes it next.
  /// Cost       one compare-exchange if nobody waits.
  void unlock() noexcept {
    const word self = caller();
    word expected = self;
    if (!word_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed))
        [[unlikely]]
      unlock_slow(self);
  }

  /// Who holds it, or null: for assertions, and for who looks for a deadlock. It may be another by now.
  detail::parker* owner() const noexcept {
    return reinterpret_cast<detail::parker*>(word_.load(std::memory_order_relaxed) & owner_mask);
  }

 protected:
  /// lock(until), or as std's calls want it: no cancellation point.
  [[nodiscard]] result<void> lock_until(deadline until, bool cancellable) noexcept {
    detail::heed_slice();
    const word self = caller();
    if (take_idle(self)) [[likely]]
      return {};
    return lock_slow(self, until, cancellable);
  }

 private:
  using word = std::uintptr_t;

  static constexpr word waiting = 1, coming = 2, thread = 4;
  static constexpr word flags = waiting | coming;
  static constexpr word owner_mask = ~(waiting | coming | thread);
  static_assert(alignof(detail::parker) >= 8, "three bits");

  static word address(const detail::parker& p) noexcept { return reinterpret_cast<word>(&p); }
  static word held_by(const detail::parker& p) noexcept { return address(p) | (p.is_fiber() ? 0 : thread); }

  // What the word is while the caller holds it and nobody waits.
  WEFT_ALWAYS_INLINE static word caller() noexcept {
    if (detail::worker::current() != nullptr) [[likely]]
      return address(*detail::current_fiber());
    return address(detail::current_parker()) | thread;
  }

  // The uncontended case.
  WEFT_ALWAYS_INLINE bool take_idle(word self) noexcept {
    word expected = 0;
    return word_.compare_exchange_strong(expected, self, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }

  bool take(word self, word arrives) noexcept;
  bool try_for_a_moment(word self) noexcept;
  bool enter(detail::mutex_wait& w, word arrives) noexcept;
  void leave(detail::mutex_wait& w) noexcept;
  result<void> lock_slow(word self, deadline until, bool cancellable) noexcept;
  void unlock_slow(word self) noexcept;

  detail::atomic<word> word_{0};
  detail::wait_list waiters_;     // guarded by queue_; empty if `waiting` is not set
  detail::locked_word queue_{0};  // its value means nothing
};

namespace detail {

/// A wait for a mutex. `of->owner()` is who must release it first.
struct mutex_wait : list_waiter {
  mutex_wait(const mutex& of_, bool cancellable_) noexcept : list_waiter{cancellable_}, of{&of_} {}

  const mutex* of;
  bool starved = false;
};

}  // namespace detail
}  // namespace weft

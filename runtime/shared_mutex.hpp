// A lock that one holds alone or many share: weft's std::shared_mutex, for fibers and foreign threads alike.
//
// First come, first served, so neither side starves the other: as soon as somebody waits, whoever comes later
// waits behind him, and a release hands the lock to the oldest, or to all who share and stand before the next
// who wants it alone. A fiber must not share it twice: one who wants it alone may have come in between.
//
// One word is the lock of the queue and what that guards, so a free one is taken and released by one
// compare-exchange, and who gets it from the last holder may destroy it at once (locked_word):
//
//   value   exclusive   one holds it alone
//           waiting     the queue is not empty
//           the rest    how many share it
#pragma once

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

class shared_mutex {
 public:
  /// How many may share it at a time.
  static constexpr std::uint32_t sharers_max = (1u << 28) - 1;

  constexpr shared_mutex() noexcept = default;
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;
  ~shared_mutex() {
    WEFT_ASSERT(state_.peek() == 0, "a shared_mutex was destroyed while somebody holds it or waits for it");
  }

  /// Takes it alone. By who holds it alone already: an assertion.
  ///
  /// Blocks     the calling fiber or thread, until it is free and its turn. No cancellation point.
  /// Safe from  any fiber or thread.
  /// Cost       one compare-exchange if it is free.
  void lock() noexcept {
    detail::heed_slice();
    if (!take_at_once()) [[unlikely]]
      (void)lock_slow(deadline::never(), /*cancellable=*/false);
  }

  /// Takes it alone, or gives up.
  ///
  /// Blocks     the calling fiber or thread, until it is free and its turn, or `until`.
  /// Errors     deadline_exceeded, canceled: it is not held. Never fails if it is free.
  [[nodiscard]] result<void> lock(deadline until) noexcept { return lock_until(until, /*cancellable=*/true); }

  /// Takes it alone if it is free. By who holds it alone already: an assertion.
  [[nodiscard]] bool try_lock() noexcept { return take_at_once() || try_lock_slow(); }

  /// Releases what lock() took. By who does not hold it alone: an assertion.
  ///
  /// Safe from  the fiber or thread that took it; what it wrote before is visible to who takes it next.
  /// Cost       one compare-exchange if nobody waits.
  void unlock() noexcept {
    WEFT_ASSERT(owner() == &detail::current_parker(), "a shared_mutex is released by who does not hold it");
    owner_.store(nullptr, std::memory_order_relaxed);
    if (!state_.try_change(exclusive, 0)) [[unlikely]]
      unlock_slow();
  }

  /// Shares it with others who do. By who holds it alone: an assertion.
  ///
  /// Blocks     the calling fiber or thread, until nobody holds it alone and its turn. No cancellation point.
  /// Safe from  any fiber or thread.
  /// Cost       one compare-exchange if nobody holds it alone or waits.
  void lock_shared() noexcept {
    detail::heed_slice();
    if (!share_at_once()) [[unlikely]]
      (void)lock_shared_slow(deadline::never(), /*cancellable=*/false);
  }

  /// Shares it, or gives up.
  ///
  /// Blocks     the calling fiber or thread, until nobody holds it alone and its turn, or `until`.
  /// Errors     deadline_exceeded, canceled: it is not held. Never fails if nobody holds it alone or waits.
  [[nodiscard]] result<void> lock_shared(deadline until) noexcept {
    return lock_shared_until(until, /*cancellable=*/true);
  }

  /// Shares it if nobody holds it alone or waits for that. By who holds it alone: an assertion.
  [[nodiscard]] bool try_lock_shared() noexcept { return share_at_once() || try_lock_shared_slow(); }

  /// Releases what lock_shared() took. If nobody shares it: an assertion.
  ///
  /// Safe from  any fiber or thread; what it wrote before is visible to who next holds it alone.
  /// Cost       one compare-exchange, but for the last while somebody waits.
  void unlock_shared() noexcept {
    const std::uint32_t seen = state_.peek();
    const bool last_of_awaited = (seen & ~sharers) != 0 && (seen & sharers) <= 1;
    if ((seen & sharers) == 0 || last_of_awaited || !state_.try_change(seen, seen - 1)) [[unlikely]]
      unlock_shared_slow();
  }

  /// Who holds it alone, or null: for assertions, and for who looks for a deadlock. It may be another by now.
  detail::parker* owner() const noexcept { return owner_.load(std::memory_order_relaxed); }

 protected:
  /// lock(until), or as std's calls want it: no cancellation point.
  [[nodiscard]] result<void> lock_until(deadline until, bool cancellable) noexcept {
    detail::heed_slice();
    if (take_at_once()) [[likely]]
      return {};
    return lock_slow(until, cancellable);
  }

  [[nodiscard]] result<void> lock_shared_until(deadline until, bool cancellable) noexcept {
    detail::heed_slice();
    if (share_at_once()) [[likely]]
      return {};
    return lock_shared_slow(until, cancellable);
  }

 private:
  static constexpr std::uint32_t sharers = sharers_max;
  static constexpr std::uint32_t waiting = sharers_max + 1, exclusive = waiting << 1;
  static_assert((exclusive | waiting | sharers) == detail::locked_word::value_max);

  WEFT_ALWAYS_INLINE bool take_at_once() noexcept {
    if (!state_.try_change(0, exclusive)) return false;
    owner_.store(&detail::current_parker(), std::memory_order_relaxed);
    return true;
  }

  // Fails too if somebody is at the queue just now.
  WEFT_ALWAYS_INLINE bool share_at_once() noexcept {
    const std::uint32_t seen = state_.peek();
    return seen < sharers_max && state_.try_change(seen, seen + 1);  // none of the bits above
  }

  bool try_lock_slow() noexcept;
  bool try_lock_shared_slow() noexcept;
  result<void> lock_slow(deadline until, bool cancellable) noexcept;
  result<void> lock_shared_slow(deadline until, bool cancellable) noexcept;
  result<void> wait(bool shares, deadline until, bool cancellable) noexcept;
  std::uint32_t let_in(std::uint32_t state, detail::woken_waiters& woken) noexcept;
  void unlock_slow() noexcept;
  void unlock_shared_slow() noexcept;

  detail::locked_word state_{0};
  detail::atomic<detail::parker*> owner_{
      nullptr};                // who holds it alone; its own, or set for it under the lock
  detail::wait_list waiters_;  // guarded by state_
};

namespace detail {

/// A wait for a shared_mutex.
struct shared_mutex_wait : list_waiter {
  shared_mutex_wait(const shared_mutex& of_, bool shares_, bool cancellable_) noexcept
      : list_waiter{cancellable_}, of{&of_}, shares{shares_} {}

  const shared_mutex* of;
  bool shares;
};

}  // namespace detail
}  // namespace weft

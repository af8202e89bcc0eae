// A counter of permits: acquire() takes one and waits while there is none, release() gives some back.
//
// The count and the lock of the waiters are one word, with one value set apart that means "none, and somebody
// waits". So nobody who comes later gets past a waiter, a permit that is given back goes straight to the
// oldest one, and as long as nobody waits, both directions are one compare-exchange. The release lets go of
// the semaphore before anyone can have its permit (locked_word), so who gets the last permit may destroy it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {
namespace detail {

/// What all counting_semaphores are, whatever their maximum.
class permits {
 public:
  static constexpr std::uint32_t count_max = locked_word::value_max - 1;

  explicit permits(std::uint32_t count) noexcept : count_{count} {}
  permits(const permits&) = delete;
  permits& operator=(const permits&) = delete;
  ~permits() { WEFT_ASSERT(waiters_.empty(), "a semaphore was destroyed while somebody waits for it"); }

  /// Takes one, if nobody waits and nobody else is at it just now.
  WEFT_ALWAYS_INLINE bool take_at_once() noexcept {
    const std::uint32_t seen = count_.peek();
    return seen != 0 && seen != waited_for && count_.try_change(seen, seen - 1);
  }

  /// Takes one, if there is one.
  bool try_take() noexcept {
    const std::uint32_t seen = count_.peek();
    if (seen == 0 || seen == waited_for) return false;
    return count_.try_change(seen, seen - 1) || try_take_slow();
  }

  /// Takes one; how the wait for it ended, or `woken` if none was needed.
  wake_reason take(deadline until, bool cancellable, park_reason why) {
    heed_slice();
    if (take_at_once()) [[likely]]
      return wake_reason::woken;
    return take_slow(until, cancellable, why);
  }

  /// Gives `n` back, to those who wait and then to the count, which must not exceed `most`.
  WEFT_ALWAYS_INLINE void give(std::uint32_t n, std::uint32_t most) noexcept {
    const std::uint32_t seen = count_.peek();
    if (seen > most || n > most - seen || !count_.try_change(seen, seen + n)) [[unlikely]]
      give_slow(n, most);
  }

 private:
  static constexpr std::uint32_t waited_for = locked_word::value_max;  // no permit, and the list is not empty

  bool try_take_slow() noexcept;
  wake_reason take_slow(deadline until, bool cancellable, park_reason why);
  void give_slow(std::uint32_t n, std::uint32_t most) noexcept;

  locked_word count_;
  wait_list waiters_;  // guarded by count_
};

}  // namespace detail

/// std::counting_semaphore, for fibers and threads mixed, and first come, first served. `LeastMax` is the
/// maximum.
template <std::ptrdiff_t LeastMax = detail::permits::count_max>
class counting_semaphore {
  static_assert(LeastMax >= 0 && LeastMax <= detail::permits::count_max, "no such maximum");

 public:
  /// The most permits that there may be.
  static constexpr std::ptrdiff_t max() noexcept { return LeastMax; }

  /// `desired` permits to begin with: 0 to max().
  explicit counting_semaphore(std::ptrdiff_t desired) noexcept : permits_{checked(desired)} {}
  counting_semaphore(const counting_semaphore&) = delete;
  counting_semaphore& operator=(const counting_semaphore&) = delete;

  /// Takes a permit.
  ///
  /// Blocks     the calling fiber or thread, until there is one; not a cancellation point.
  /// Safe from  any fiber or thread; memory written before release() is visible after acquire().
  /// Cost       one atomic operation, if there is one.
  void acquire() { permits_.take(deadline::never(), /*cancellable=*/false, why); }

  /// Takes a permit, or gives up.
  ///
  /// Blocks     the calling fiber or thread, until there is one or `until`.
  /// Errors     deadline_exceeded, canceled. Never fails if there is one at once.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<void> acquire(deadline until) {
    return detail::result_of(permits_.take(until, /*cancellable=*/true, why));
  }

  /// Takes a permit if there is one now; unlike std's it does not fail for no reason. Safe from  any fiber or
  /// thread.
  bool try_acquire() noexcept { return permits_.try_take(); }

  /// Takes a permit within that time.
  ///
  /// Blocks     the calling fiber or thread, at most so long; not a cancellation point.
  /// Safe from  any fiber or thread.
  template <class R, class P>
  bool try_acquire_for(std::chrono::duration<R, P> time) {
    return permits_.take(deadline{time}, /*cancellable=*/false, why) == detail::wake_reason::woken;
  }

  /// Takes a permit before that point, of any clock: one that jumps is looked at again before giving up.
  ///
  /// Blocks     the calling fiber or thread, at most until then; not a cancellation point.
  /// Safe from  any fiber or thread.
  template <class Clock, class D>
  bool try_acquire_until(std::chrono::time_point<Clock, D> until) {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
      const deadline at{std::chrono::ceil<std::chrono::nanoseconds>(until)};
      return permits_.take(at, /*cancellable=*/false, why) == detail::wake_reason::woken;
    } else {
      for (;;) {
        if (try_acquire_for(until - Clock::now())) return true;
        if (Clock::now() >= until) return false;
      }
    }
  }

  /// Gives `n` permits, the oldest who wait first. More than max() in all is an assertion.
  ///
  /// Safe from  any fiber or thread.
  /// Cost       one atomic operation, and one resumption per waiter that gets a permit.
  void release(std::ptrdiff_t n = 1) noexcept {
    permits_.give(checked(n), static_cast<std::uint32_t>(LeastMax));
  }

 private:
  static constexpr detail::park_reason why = detail::park_reason::semaphore;

  static std::uint32_t checked(std::ptrdiff_t n) noexcept {
    WEFT_ASSERT(n >= 0, "a negative number of permits");
    WEFT_ASSERT(n <= LeastMax, "a semaphore holds more permits than its maximum");
    return static_cast<std::uint32_t>(n);
  }

  detail::permits permits_;
};

/// Has a permit, or none.
using binary_semaphore = counting_semaphore<1>;

}  // namespace weft

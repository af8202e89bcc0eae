// A counter that only goes down; who waits goes on when it is at zero, and for ever after. std::latch, for
// fibers and threads mixed.
//
// The count and the lock of the waiters are one word, so counting down costs one atomic operation but for the
// last, and the last lets go of the latch before anyone can see it at zero (locked_word): as soon as all who
// wait have returned, it may be destroyed. A wait_group can be counted up again; a latch cannot.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {

class latch {
 public:
  /// The largest count.
  static constexpr std::ptrdiff_t max() noexcept { return detail::locked_word::value_max; }

  /// Counts down from `expected`: 0 to max().
  explicit latch(std::ptrdiff_t expected) noexcept : count_{checked(expected)} {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;
  ~latch() { WEFT_ASSERT(waiters_.empty(), "a latch was destroyed while somebody waits for it"); }

  /// Counts down by `n`; at zero all that wait go on. Below zero is an assertion.
  ///
  /// Safe from  any fiber or thread; memory written before count_down() is visible after wait().
  /// Cost       one atomic operation; for the last one, one resumption per waiter.
  void count_down(std::ptrdiff_t n = 1) noexcept {
    const std::uint32_t down = checked(n);
    const std::uint32_t seen = count_.peek();
    if (down >= seen || !count_.try_change(seen, seen - down)) [[unlikely]]
      count_down_slow(down);
  }

  /// Whether the count is zero; unlike std's it does not fail for no reason. Safe from  any fiber or thread.
  bool try_wait() const noexcept { return count_.peek() == 0; }

  /// Returns once the count is zero, at once if it is.
  ///
  /// Blocks     the calling fiber or thread; not a cancellation point.
  /// Safe from  any fiber or thread.
  void wait() const {
    if (!try_wait()) [[unlikely]]
      wait_slow(deadline::never(), /*cancellable=*/false);
  }

  /// Returns once the count is zero, or gives up.
  ///
  /// Blocks     the calling fiber or thread, until then or `until`.
  /// Errors     deadline_exceeded, canceled. Never fails if the count is zero.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<void> wait(deadline until) const {
    if (try_wait()) [[likely]]
      return {};
    return wait_slow(until, /*cancellable=*/true);
  }

  /// count_down(n), then wait().
  void arrive_and_wait(std::ptrdiff_t n = 1) {
    count_down(n);
    wait();
  }

  /// count_down(n), then wait(until): what was counted down stays so, however the wait ends.
  [[nodiscard]] result<void> arrive_and_wait(std::ptrdiff_t n, deadline until) {
    count_down(n);
    return wait(until);
  }

 private:
  static std::uint32_t checked(std::ptrdiff_t n) noexcept {
    WEFT_ASSERT(n >= 0, "a latch counts down by a negative number, or from one");
    WEFT_ASSERT(n <= max(), "a latch counts from more than its maximum");
    return static_cast<std::uint32_t>(n);
  }

  void count_down_slow(std::uint32_t n) noexcept;
  result<void> wait_slow(deadline until, bool cancellable) const;

  // std's wait() is const: it changes who waits, not what the latch says.
  mutable detail::locked_word count_;
  mutable detail::wait_list waiters_;  // guarded by count_
};

}  // namespace weft

// Counts work that is still to be done; wait() returns when none is left.
//
// The count and the lock of the waiters are one word, so done() costs one atomic operation but for the last
// one, and who has seen the count at zero may destroy the group: the last done() has let go of it by then.
#pragma once

#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {

class wait_group {
 public:
  /// The largest count.
  static constexpr std::uint32_t count_max = detail::locked_word::value_max;

  wait_group() = default;
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;
  ~wait_group() { WEFT_ASSERT(waiters_.empty(), "a wait_group was destroyed while somebody waits for it"); }

  /// Adds `n` pieces of work: before whoever does them can call done(), so before spawning, not in the
  /// spawned fiber.
  /// Safe from  any fiber or thread.
  void add(std::uint32_t n = 1) noexcept;

  /// One piece is done. The last one wakes all that wait.
  ///
  /// Safe from  any fiber or thread; memory written before done() is visible after wait().
  /// Cost       one atomic operation; for the last one, one resumption per waiter.
  void done() noexcept;

  /// Returns once the count is zero, at once if it is. Work that is added later is for those who come later.
  ///
  /// Blocks     the calling fiber or thread, until the last done() or `until`.
  /// Errors     deadline_exceeded, canceled. Never fails if the count is zero.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<void> wait(deadline until = deadline::never()) {
    if (count_.peek() == 0) [[likely]]
      return {};
    return wait_slow(until);
  }

  /// For select: whether wait() would return at once.
  bool is_open() const noexcept { return count_.peek() == 0; }
  /// For select: puts `w` among those who wait. False: there is nothing to wait for.
  bool enlist(detail::list_waiter& w) noexcept;
  /// Takes an entry of a wait that has ended out again. True: the count is zero by now.
  bool leave(detail::list_waiter& w) noexcept;

 private:
  result<void> wait_slow(deadline until);
  void done_slow() noexcept;

  detail::locked_word count_;
  detail::wait_list waiters_;  // guarded by count_
};

}  // namespace weft

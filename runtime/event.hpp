// A gate that is closed until set() is called, and open from then on, until reset().
//
// The open path is one acquire load. Waiters lie on the stacks of those who wait, and a waiter is unlinked
// before wait() returns, so none can dangle. set() lets go of the event before anyone can see that it is
// open (locked_word), so the common end is sound: `event done; go([&] { ...; done.set(); }); done.wait();`
// and then the event is destroyed.
#pragma once

#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {

class event {
 public:
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Returns once the event is set, at once if it already is. A reset() that follows does not call back who
  /// was woken.
  ///
  /// Blocks     the calling fiber or thread, until set() or `until`.
  /// Errors     deadline_exceeded, canceled. Never fails if the event is set.
  /// Safe from  any fiber or thread; memory written before set() is visible after wait().
  [[nodiscard]] result<void> wait(deadline until = deadline::never()) {
    detail::heed_slice();
    if (state_.peek() == open) [[likely]]
      return {};
    return wait_slow(until);
  }

  /// Opens the gate and wakes all that wait. More than once does no harm.
  ///
  /// Safe from  any fiber or thread.
  /// Cost       one atomic operation, and one resumption per waiter.
  void set() noexcept;

  bool is_set() const noexcept { return state_.peek() == open; }

  /// Closes the gate for those who come from now on. Safe from  any fiber or thread.
  void reset() noexcept;

  ~event() { WEFT_ASSERT(waiters_.empty(), "an event was destroyed while somebody waits for it"); }

  /// For select: whether wait() would return at once.
  bool is_open() const noexcept { return is_set(); }
  /// For select: puts `w` among those who wait. False: there is nothing to wait for.
  bool enlist(detail::list_waiter& w) noexcept;
  /// Takes an entry of a wait that has ended out again. True: it is set by now.
  bool leave(detail::list_waiter& w) noexcept;

 private:
  static constexpr std::uint32_t closed = 0, open = 1;

  result<void> wait_slow(deadline until);

  detail::locked_word state_{closed};
  detail::wait_list waiters_;  // guarded by state_; empty while it is open and not locked
};

}  // namespace weft

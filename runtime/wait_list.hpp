// Who waits at a primitive, in the order of arrival. The primitive's lock guards it; the entries lie in the
// frames of those who wait.
//
// Pattern of a primitive (event is the example):
//
//   wait:  list_waiter w                        wake:  woken_waiters woken
//          lock; look; add(w); unlock                  lock; change; wake_all(woken); unlock
//          how = park(w, until, why)                   (the destructor resumes them)
//          if (must_leave(w, how)) { lock; remove(w); unlock }
//
// A waiter is claimed under the lock: then its frame is still there, because who gives up takes the lock to
// leave. A claimed fiber runs only when it is resumed, so its frame outlives the lock and fibers are resumed
// after it, many at a time. A claimed foreign thread may run at once, seeing its word change: it is resumed
// under the lock, and takes the lock once more before it goes.
#pragma once

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/wait.hpp>

namespace weft::detail {

struct list_waiter : wait, list_node {
  using wait::wait;

  const void* at = nullptr;  // what it waits at, by an address that only this primitive has: for the census
  bool woke = false;         // this entry is the one through which the wait was ended; set under the lock
};

/// Fibers that have been claimed under a lock, to be resumed without it.
class woken_waiters {
 public:
  woken_waiters() = default;
  ~woken_waiters() { resume(); }

  /// Lets them go on, oldest first.
  void resume() noexcept {
    while (list_waiter* const w = claimed_.pop_front()) w->who->resume();
  }

 private:
  friend class wait_list;

  intrusive_list<list_waiter> claimed_;
};

/// What a wait that ended so has to answer.
inline result<void> result_of(wake_reason how) noexcept {
  if (how == wake_reason::woken) [[likely]]
    return {};
  return std::unexpected(how == wake_reason::canceled ? errc::canceled : errc::deadline_exceeded);
}

/// Every member needs the primitive's lock, but must_leave().
class wait_list {
 public:
  bool empty() const noexcept { return waiting_.empty(); }

  void add(list_waiter& w) noexcept {
    w.at = this;
    waiting_.push_back(w);
  }

  /// Lets `w` be the next: for who has waited here before.
  void add_front(list_waiter& w) noexcept {
    w.at = this;
    waiting_.push_front(w);
  }

  /// The oldest, whose wait may have ended; null: there is none.
  list_waiter* front() noexcept { return waiting_.front(); }

  /// Wakes the oldest that still waits, and returns it: it is there until the lock is released. Null: nobody
  /// waits.
  list_waiter* wake_one(woken_waiters& woken) noexcept {
    while (list_waiter* const w = waiting_.pop_front())
      if (wake(*w, woken)) return w;
    return nullptr;
  }

  /// Takes the oldest out. True: it still waited, and has been woken.
  bool wake_front(woken_waiters& woken) noexcept { return wake(*waiting_.pop_front(), woken); }

  void wake_all(woken_waiters& woken) noexcept {
    while (list_waiter* const w = waiting_.pop_front()) wake(*w, woken);
  }

  /// A waiter whose wait has ended leaves.
  static void remove(list_waiter& w) noexcept {
    if (w.linked()) w.unlink();
  }

  /// Whether a waiter whose wait has ended with `how` must take the lock and remove() itself before its
  /// frame goes: all but a fiber that was woken. Needs no lock.
  static bool must_leave(const list_waiter& w, wake_reason how) noexcept {
    return how != wake_reason::woken || !w.who->is_fiber();
  }

 private:
  static bool wake(list_waiter& w, woken_waiters& woken) noexcept {
    if (!w.claim(wake_reason::woken))
      return false;  // it has timed out or was cancelled, and comes for the lock
    w.woke = true;
    if (w.who->is_fiber()) woken.claimed_.push_back(w);
    else w.who->resume();
    return true;
  }

  intrusive_list<list_waiter> waiting_;
};

}  // namespace weft::detail

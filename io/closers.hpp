// Who waits in a descriptor's close(): the one who closes, for the last user; and all who have called close()
// after it, for that one, because each of them may be about to destroy the descriptor.
//
// Everything happens under the descriptor's lock. Whoever wakes the closer is done with the descriptor when
// it has released the lock, which the closer takes once more before it goes on.
#pragma once

#include <mutex>
#include <utility>

#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

/// Resumes `woken`, who has been claimed under the lock held by `guard` and may destroy it.
inline void resume_from(std::unique_lock<thread_mutex>& guard, parker& woken) noexcept {
  if (woken.is_fiber()) guard.unlock();  // a thread may come and go as soon as the lock is free
  woken.resume();
}

class closers {
 public:
  /// By the closer, without the lock: until `used()`, which is asked under it, is false.
  template <class Used>
  void wait_for_users(thread_mutex& lock, Used used) noexcept {
    wait w{/*cancellable=*/false};
    {
      const std::lock_guard guard{lock};
      if (!used()) return;
      closer_ = &w;
    }
    park(w, deadline::never(), park_reason::io);
    const std::lock_guard left{lock};  // who woke us has let go of the lock, and of the descriptor
  }

  /// By the last user, under the lock: the closer, to be resumed. nullptr: it does not wait, or not yet.
  parker* claim_closer() noexcept {
    wait* const closes = std::exchange(closer_, nullptr);
    return closes != nullptr && closes->claim(wake_reason::woken) ? closes->who : nullptr;
  }

  /// By who has found that somebody else closes, under the lock: until closed().
  void wait_for_closer(std::unique_lock<thread_mutex>& guard) noexcept {
    list_waiter mine{/*cancellable=*/false};
    later_.add(mine);
    guard.unlock();
    const wake_reason how = park(mine, deadline::never(), park_reason::io);
    if (!wait_list::must_leave(mine, how)) return;
    guard.lock();
    wait_list::remove(mine);
  }

  /// By the closer, under the lock, when it has closed.
  void closed(woken_waiters& woken) noexcept { later_.wake_all(woken); }

 private:
  wait* closer_ = nullptr;
  wait_list later_;
};

}  // namespace weft::detail

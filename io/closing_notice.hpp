// How close() tells a user of a descriptor, on whichever worker it waits, to end. The base of who uses one;
// it lies in the user's frame.
//
// close() tells under the descriptor's lock, and a user leaves under that lock: so whom close() finds is
// there. A user who has been told stays until it has heard, because the message on its way lies in its frame.
#pragma once

#include <mutex>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/message.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

/// `User` is the type derived from it; its end() asks the kernel to let go, on `home`, between tell() and the
/// return of wait_to_hear().
template <class User>
struct closing_notice : message {
  /// Under the lock.
  void tell() noexcept {
    told.store(true, std::memory_order_release);
    if (home == nullptr) return;  // a foreign thread looks now and then
    if (home == worker::current()) return hear();
    deliver = [](message& m, worker&) noexcept { static_cast<closing_notice&>(m).hear(); };
    home->messages().push(*this);
  }

  /// By the user who leaves, under the lock, which is free while it waits for the message.
  void wait_to_hear(std::unique_lock<thread_mutex>& guard) noexcept {
    while (told.load(std::memory_order_relaxed) && home != nullptr && !heard) {
      guard.unlock();
      wait_for_the_message();
      guard.lock();
    }
  }

  /// By the user's fiber, which has not heard: until it hears, a stop or `until`.
  wake_reason pause(deadline until) noexcept { return park_to_hear(true, until); }

  worker* home = worker::current();  // where its fiber runs; nullptr: a foreign thread
  atomic<bool> told{false};          // to end; a foreign thread looks at this
  bool heard = false;                // that message has arrived; home only

 private:
  friend User;
  closing_notice() noexcept = default;

  void hear() noexcept {
    heard = true;
    static_cast<User&>(*this).end();
    if (hearing_ != nullptr && hearing_->claim(wake_reason::woken)) hearing_->who->resume();
  }

  void wait_for_the_message() noexcept {
    while (!heard) (void)park_to_hear(false, deadline::never());
  }

  wake_reason park_to_hear(bool cancellable, deadline until) noexcept {
    wait w{cancellable};
    hearing_ = &w;
    const wake_reason how = park(w, until, park_reason::io);
    hearing_ = nullptr;
    return how;
  }

  wait* hearing_ = nullptr;  // its fiber is parked to hear; home only
};

}  // namespace weft::detail

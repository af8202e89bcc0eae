// One wait of a fiber or a thread: lies in the frame of who waits, from before it can be woken until after it
// has been.
//
// A primitive derives its queue entry from it. The timer wheel and cancellation reach the wait of a fiber
// through fiber::waiting, on the fiber's own worker only, and end it with interrupt(): a plain wait is
// claimed and its fiber made ready; a wait for the kernel asks the kernel to let go, and ends when the kernel
// has.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/parker.hpp>

namespace weft::detail {

struct wait {
  using interruption = void (*)(wait& self, wake_reason reason) noexcept;

  /// Begins a wait of the calling fiber, or of the calling foreign thread. `cancellable`: a stop ends it, and
  /// so does the waiter's deadline (with_deadline()).
  explicit wait(bool cancellable_) noexcept;
  wait(parker& waiter, bool cancellable_) noexcept
      : who{&waiter}, number{waiter.begin()}, cancellable{cancellable_} {}
  /// One more entry of a wait that has begun, for who waits in several places at once.
  explicit wait(const wait& begun, std::nullptr_t) noexcept
      : who{begun.who}, number{begun.number}, cancellable{begun.cancellable} {}
  wait(const wait&) = delete;
  wait& operator=(const wait&) = delete;

  /// Ends it with `reason`. True: the caller has won, and must resume() the waiter, by a copy of `who` that
  /// was made under the primitive's lock: a foreign thread may go, and its frame with it, as soon as it gets
  /// that lock.
  bool claim(wake_reason reason) noexcept { return who->claim(number, reason); }

  /// claim() and resume().
  static void interrupt_plain(wait& self, wake_reason reason) noexcept {
    if (self.claim(reason)) self.who->resume();
  }

  parker* who;
  std::uint32_t number;
  bool cancellable;
  bool timed = true;  // false: the waiter's deadline does not end it, though it is cancellable
  interruption interrupt = interrupt_plain;
};

}  // namespace weft::detail

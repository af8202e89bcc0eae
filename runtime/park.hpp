// park(): the only way in which a fiber or a thread waits.
//
//   wait w{cancellable};            begins the wait
//   ... link w where wakers look    under the primitive's lock
//   park(w, until, why);            returns once, by wake, timeout or cancellation
//   ... unlink w, if not woken
//
// A fiber that parks is woken exactly once, even by who wakes it before it has switched away: its home worker
// alone puts it into a run queue, and does so between batches or from another fiber, so never while it still
// runs.
#pragma once

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/wait.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

/// The fiber that calls, or null on a foreign thread. Asserts that it is not weft's own code (which must not
/// wait).
WEFT_ALWAYS_INLINE fiber* current_fiber() noexcept {
  worker* const here = worker::current();
  if (here == nullptr) return nullptr;
  fiber* const self = here->running();
  WEFT_ASSERT(self != nullptr,
              "a call that may wait was made where nothing may wait (on_thread_stack, a completion)");
  return self;
}

/// The fiber or the foreign thread that calls. Asserts as current_fiber() does.
WEFT_ALWAYS_INLINE parker& current_parker() noexcept {
  if (worker::current() != nullptr) [[likely]]
    return *current_fiber();
  if (this_thread.waiting != nullptr) [[likely]]
    return *this_thread.waiting;
  return parker::of_this_thread();
}

inline wait::wait(bool cancellable_) noexcept
    : who{&current_parker()}, number{who->begin()}, cancellable{cancellable_} {}

/// The deadline of the calling fiber or foreign thread, which ends its cancellable waits: with_deadline().
inline deadline deadline_here() noexcept {
  const worker* const here = worker::current();
  return here != nullptr ? here->running()->until : this_thread.until();
}

/// The cold half of park(): with a deadline, or when something hurries the fiber.
wake_reason park_until(fiber& self, wait& w, deadline until) noexcept;

/// park() of a foreign thread.
wake_reason park_thread(wait& w, deadline until, park_reason why) noexcept;

/// Waits until `w` is ended by a claim, by `until`, or (if it is cancellable) by a stop or the deadline
/// of who waits; says by which.
WEFT_ALWAYS_INLINE wake_reason park(wait& w, deadline until, park_reason why) noexcept {
  if (!w.who->is_fiber()) return park_thread(w, until, why);
  fiber& self = *worker::current()->running();
  self.why.set(why);
  self.waiting.set(&w);
  if (until.is_never() && !(w.cancellable && self.hurried())) [[likely]] {
    worker::current()->suspend(self);
  } else {
    park_until(self, w, until);
  }
  self.waiting.set(nullptr);
  return w.who->outcome();
}

}  // namespace weft::detail

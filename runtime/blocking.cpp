#include <weft/runtime/blocking.hpp>

#include <weft/runtime/scheduler.hpp>

namespace weft::detail {

offloaded_call::offloaded_call(void (*body_)(offloaded_call&) noexcept, bool cancellable_) noexcept
    : wait{cancellable_}, body{body_}, pool{&worker::current()->owner().offload()} {
  interrupt = give_up;
  run = run_on_thread;
}

std::error_code offloaded_call::perform(deadline until) noexcept {
  if (cancellable && current_fiber()->wants_stop()) return errc::canceled;  // f must not begin
  if (!pool->submit(*this)) return errc::limit;
  switch (park(*this, until, park_reason::offload)) {
    case wake_reason::canceled: return errc::canceled;
    case wake_reason::timed_out: return errc::deadline_exceeded;
    default: return {};
  }
}

// On the pool's thread. Only a withdrawn call ends otherwise, and this one was not, so nobody contends for
// the wait. Resumed, the fiber may return, and the call is gone.
void offloaded_call::run_on_thread(offload_job& self) noexcept {
  offloaded_call& c = static_cast<offloaded_call&>(self);
  this_thread.of_pool = true;
  c.body(c);
  parker* const waiter = c.who;
  waiter->end(c.number);
  waiter->resume();
}

// On the fiber's worker: whoever takes the call out of the queue ends the wait.
void offloaded_call::give_up(wait& self, wake_reason reason) noexcept {
  offloaded_call& c = static_cast<offloaded_call&>(self);
  if (c.pool->withdraw(c)) interrupt_plain(self, reason);
}

}  // namespace weft::detail

#include <weft/io/perform.hpp>

#include <algorithm>
#include <cerrno>

#include <poll.h>

#include <weft/io/perform_on_thread.hpp>
#include <weft/runtime/stop.hpp>

namespace weft::detail {
namespace {

using asked_by = pending_operation::asked_by;

// After so many operations in a row that did not wait, a fiber lets the others run (DESIGN.md section 4).
constexpr std::uint8_t immediate_completions_max = 128;

// The ring gives EAGAIN for a non-blocking descriptor whose file knows no non-blocking tries, such as a
// terminal's.
bool is_premature(const pending_operation& p) noexcept {
  return p.ended == -EAGAIN && p.asked == asked_by::nobody && p.code <= operation_code::writev;
}

// The deadline is the operation's own timer, not park()'s: one frame less on the fiber's stack.
WEFT_ALWAYS_INLINE void submit_and_park(pending_operation& p, bool until_past) noexcept {
  p.number = p.who->begin();  // its fiber may have waited for something else since `p` was made
  p.in_flight = true;
  worker::current()->io().submit(p);
  if (until_past) [[unlikely]]
    p.ask(asked_by::deadline);
  park(p, deadline::never(), park_reason::io);
}

// Not inlined, so that what they need on the stack is free again while the fiber waits.
WEFT_NOINLINE void start_timer(pending_operation& p, std::int64_t at) noexcept {
  worker::current()->timers().insert(p, at);
}

WEFT_NOINLINE void stop_timer(pending_operation& p) noexcept { worker::current()->timers().cancel(p); }

WEFT_NOINLINE void wait_ready(pending_operation& p, bool until_past) noexcept {
  const operation_code code = p.code;
  const std::uint32_t flags = p.flags;
  const bool reads = code == operation_code::read || code == operation_code::readv;
  p.code = operation_code::poll;
  p.flags = reads ? POLLIN : POLLOUT;
  submit_and_park(p, until_past);
  p.code = code;
  p.flags = flags;
  if (p.asked != asked_by::nobody) p.ended = -ECANCELED;
}

// What did not succeed: once more, or not. True: `p` is done again.
WEFT_NOINLINE bool again(pending_operation& p, bool until_past) noexcept {
  if (is_premature(p)) wait_ready(p, until_past);
  else if (p.ended != -EINTR) return false;
  return p.asked == asked_by::nobody;
}

}  // namespace

void pending_operation::completed(operation& self, int result, bool) noexcept {
  auto& p = static_cast<pending_operation&>(self);
  p.ended = result;
  p.in_flight = false;
  // Nobody else can end this wait: those who would only ask.
  p.who->end(p.number);
  p.who->resume();
}

void pending_operation::interrupted(wait& self, wake_reason reason) noexcept {
  static_cast<pending_operation&>(self).ask(reason == wake_reason::timed_out ? asked_by::deadline
                                                                             : asked_by::stop);
}

void pending_operation::expired(timer& self) noexcept {
  static_cast<pending_operation&>(self).ask(asked_by::deadline);
}

void pending_operation::ask(asked_by who_asks) noexcept {
  if (asked != asked_by::nobody) return;
  asked = who_asks;
  if (in_flight) worker::current()->io().cancel(*this);
}

outcome perform(pending_operation& p, deadline until) noexcept {
  if (!p.who->is_fiber()) return perform_on_thread(p, until);
  auto& self = static_cast<fiber&>(*p.who);
  if (p.cancellable && self.hurried()) [[unlikely]] {
    if (heed(self)) {
      follow_stop(self);
      return failure(errc::canceled);
    }
    until = std::min(until, self.until);
  }
  self.immediate_completions = 0;
  if (!until.is_never() && !until.is_past()) start_timer(p, until.at);
  do submit_and_park(p, until.is_past());
  while (p.ended < 0 && again(p, until.is_past()));
  if (p.armed()) stop_timer(p);
  return p.ended >= 0 ? p.ended : final_outcome(p.ended, p.asked);
}

outcome final_outcome(outcome ended, asked_by who_asked) noexcept {
  if (ended != -ECANCELED && ended != -EINTR) return ended;
  switch (who_asked) {
    case asked_by::deadline: return failure(errc::deadline_exceeded);
    case asked_by::close: return failure(errc::closed);
    case asked_by::stop: return failure(errc::canceled);
    default: return ended;
  }
}

void count_immediate_completion(fiber& self) noexcept {
  worker& here = *worker::current();
  if (++self.immediate_completions < immediate_completions_max && !here.batch_is_over()) [[likely]]
    return;
  self.immediate_completions = 0;
  here.yield();
}

}  // namespace weft::detail

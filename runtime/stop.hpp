// Asking a fiber to stop. Level-triggered: the request stays, and every later wait that is cancellable ends
// by it.
//
// The flag is set at once, from any thread. What ends the present wait happens on the fiber's own worker:
// from elsewhere a message goes there, so that starting a wait needs no atomic against cancellers. The
// message lies in the control block, which therefore outlives it: see release_fiber().
#pragma once

#include <stop_token>

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// Asks `f` to stop. False: it had been asked, or has ended. The caller keeps `f` from being released
/// meanwhile. Runs the callbacks that users have registered with the fiber's stop token.
bool request_stop(fiber& f) noexcept;

/// request_stop() for a wait that passes a stop on: what it ends in turn is ended later, by a message,
/// because the joins of fibers may form a chain that is longer than any stack. On the home worker of who
/// waits.
void pass_stop_on(fiber& f) noexcept;

/// Makes the stop token of a fiber that has seen its stop say so too. The fiber itself only.
void follow_stop(fiber& self) noexcept;

/// The fiber's stop token; makes its source on the first call. The fiber itself only.
std::stop_token stop_token_of(fiber& self);

/// While it lives, neither stops nor their deadlines reach the running fiber; nothing on a foreign thread.
class shield {
 public:
  shield() noexcept;
  ~shield();
  shield(const shield&) = delete;
  shield& operator=(const shield&) = delete;

 private:
  fiber* self_;
};

}  // namespace weft::detail

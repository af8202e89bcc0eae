// Asking a fiber to stop. Level-triggered: the request stays, and every later wait that is cancellable ends
// by it.
//
// The flag is set at once, from any thread. What ends the present wait happens on the fiber's own worker:
// from elsewhere a message goes there, so that starting a wait needs no atomic against cancellers. The
// message lies in the control block, which therefore outlives it: see release_fiber().
//
// What ends when a call returns, a deadline or a scope (stop_scope), hurries the fiber by the same word:
// park() tests both with one load, and heed() finds out what it is.
#pragma once

#include <optional>
#include <stop_token>

#include <weft/runtime/fiber.hpp>
#include <weft/runtime/stop_reason.hpp>

namespace weft::detail {

/// Asks `f` to stop. False: it had been asked, or has ended. The caller keeps `f` from being released
/// meanwhile. Runs the callbacks that users have registered with the fiber's stop token.
bool request_stop(fiber& f, stop_reason why) noexcept;

/// request_stop() for a wait that passes a stop on: what it ends in turn is ended later, by a message,
/// because the joins of fibers may form a chain that is longer than any stack. On the home worker of who
/// waits.
void pass_stop_on(fiber& f) noexcept;

/// Looks at what hurries a fiber that is about to wait. True: it is to stop. The fiber itself only.
bool heed(fiber& self) noexcept;

/// Makes the stop tokens of a fiber that has seen its stop say so too. The fiber itself only.
void follow_stop(fiber& self) noexcept;

/// The fiber's own stop token; makes its source on the first call. The fiber itself only.
std::stop_token stop_token_of(fiber& self);

/// The token of the innermost scope that the fiber is in; without one, its own. The fiber itself only.
std::stop_token innermost_stop_token(fiber& self);

/// Why the fiber is to stop, if it is. The fiber itself only.
std::optional<stop_reason> reason_to_stop(const fiber& self) noexcept;

}  // namespace weft::detail

// Attempts that begin one after the other, each a little after the last one unless that has failed before,
// and run side by side until one succeeds.
//
// With the addresses of a name, in turns of IPv6 and IPv4, this is Happy Eyeballs: a family that does not
// work costs a fraction of a second, not a timeout. Source: RFC 8305, sections 4 (the order) and 5 (the
// delay).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <weft/net/address.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

/// RFC 8305, section 8: the recommended delay.
inline constexpr std::chrono::milliseconds connection_attempt_delay{250};

/// The same addresses, the families in turns, beginning with that of the first; in each family the order
/// stays.
std::vector<net::address> in_turns(std::span<const net::address> addresses);

/// The first success of attempt(0) to attempt(count - 1), which run in fibers of their own; the others are
/// stopped and have ended when it returns. Without a success: the last failure. `count` is at least 1.
///
/// Blocks     the calling fiber.
/// Errors     canceled, deadline_exceeded; those of the attempts.
/// Cancelled  all attempts are stopped.
template <class T, class Attempt>
result<T> staggered_race(std::size_t count, std::chrono::nanoseconds delay, deadline until, Attempt attempt) {
  join_set<T> running;
  std::size_t begun = 0;
  const auto begin_next = [&] {
    if (begun == count) return;
    running.spawn([&attempt, which = begun++] { return attempt(which); }, {.name = "connect"});
  };
  begin_next();
  for (;;) {
    auto ended = running.join_next(begun < count ? std::min(until, deadline{delay}) : until);
    if (!ended) {
      const bool only_delayed = ended.error() == errc::deadline_exceeded && begun < count &&
                                !std::min(until, deadline_here()).expired();
      if (!only_delayed) return std::unexpected(ended.error());
      begin_next();
      continue;
    }
    result<T> last = *std::move(*ended);
    if (last) {
      running.request_stop();
      while (running.join_next().has_value()) {}  // so that nobody hears of their failures
      return last;
    }
    begin_next();
    if (running.size() == 0) return last;
  }
}

}  // namespace weft::detail

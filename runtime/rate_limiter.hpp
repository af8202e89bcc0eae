// What token_bucket, leaky_bucket and sliding_window share: a line of those who wait until a rule lets them
// in.
//
// The rule says from when on n more may come in; it differs, the line does not. Who is first in line sleeps
// until then, the others wait for the turn, so one timer runs and they come in as they came. Who gives up
// leaves nothing behind: only who is let in counts. A word (locked_word) counts the line and guards the
// rule, so as long as nobody waits it costs one lock each time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/semaphore.hpp>

namespace weft {

/// So many in that time.
struct rate {
  std::size_t count;
  std::chrono::nanoseconds per = std::chrono::seconds{1};
};

namespace detail {

/// Rule: `std::int64_t take(std::int64_t now, std::size_t n)` takes n and gives a time that is not after
/// `now`, or takes nothing and gives the time at which to ask again; `most()` is the largest n.
template <class Rule>
class rate_limiter {
 public:
  rate_limiter(const rate_limiter&) = delete;
  rate_limiter& operator=(const rate_limiter&) = delete;

  /// Takes n, as soon as that is allowed and all who came before have theirs.
  ///
  /// Blocks     the calling fiber or thread, until then or `until`.
  /// Errors     canceled; deadline_exceeded, at once if it is first in line and its time would come later;
  ///            limit, if so many wait already as may. Nothing is taken then.
  /// Safe from  any fiber or thread.
  /// Cost       two atomic operations and a look at the clock, if nobody waits.
  [[nodiscard]] result<void> acquire(std::size_t n = 1, deadline until = deadline::never()) {
    WEFT_ASSERT(n <= rule_.most(), "a rate limiter was asked for more at once than it ever gives");
    const std::uint32_t waiting = line_.lock();
    if (waiting == 0) {
      if (const std::int64_t now = steady_ns(); rule_.take(now, n) <= now) [[likely]] {
        line_.unlock(0);
        return {};
      }
    }
    if (waiting >= waiting_max_) {
      line_.unlock(waiting);
      return std::unexpected(errc::limit);
    }
    line_.unlock(waiting + 1);
    const result<void> got = stand_in_line(n, until);
    line_.unlock(line_.lock() - 1);  // the limiter may be gone from here on
    return got;
  }

  /// Takes n, if that is allowed now and nobody waits.
  ///
  /// Safe from  any fiber or thread.
  bool try_acquire(std::size_t n = 1) noexcept {
    const std::uint32_t waiting = line_.lock();
    bool got = false;
    if (waiting == 0 && n <= rule_.most()) {
      const std::int64_t now = steady_ns();
      got = rule_.take(now, n) <= now;
    }
    line_.unlock(waiting);
    return got;
  }

  /// How many wait.
  std::size_t waiting() const noexcept { return line_.peek(); }

 protected:
  explicit rate_limiter(Rule rule, std::size_t waiting_max = locked_word::value_max) noexcept
      : rule_{std::move(rule)},
        waiting_max_{static_cast<std::uint32_t>(std::min<std::size_t>(waiting_max, locked_word::value_max))} {
  }
  ~rate_limiter() {
    WEFT_ASSERT(line_.peek() == 0, "a rate limiter was destroyed while somebody waits for it");
  }

 private:
  result<void> stand_in_line(std::size_t n, deadline until) {
    const wake_reason how = turn_.take(until, /*cancellable=*/true, park_reason::rate_limit);
    if (how != wake_reason::woken) return result_of(how);
    const result<void> got = be_first(n, until);
    turn_.give(1, 1);
    return got;
  }

  result<void> be_first(std::size_t n, deadline until) {
    for (;;) {
      const std::uint32_t waiting = line_.lock();
      const std::int64_t now = steady_ns();
      const std::int64_t at = rule_.take(now, n);
      line_.unlock(waiting);
      if (at <= now) return {};
      if (at > std::min(until, deadline_here()).at) return std::unexpected(errc::deadline_exceeded);
      deadline then;
      then.at = at;
      wait w{/*cancellable=*/true};
      if (park(w, then, park_reason::rate_limit) == wake_reason::canceled)
        return std::unexpected(errc::canceled);
    }
  }

  locked_word line_{0};  // how many are in stand_in_line(); guards rule_
  permits turn_{1};      // who is first has it
  Rule rule_;
  const std::uint32_t waiting_max_;
};

}  // namespace detail
}  // namespace weft

// Waiting by clocks that weft does not wait by, as std's calls allow.
//
// A time of another clock is turned into a deadline of the steady one, and when that has passed, the other
// clock is asked whether it agrees: it may have been set back meanwhile.
#pragma once

#include <chrono>
#include <ratio>
#include <type_traits>

#include <weft/runtime/base/deadline.hpp>

namespace weft::detail {

/// When `at` comes, as far as its clock can tell now.
template <class Clock, class Duration>
deadline deadline_by_clock(std::chrono::time_point<Clock, Duration> at) {
  using std::chrono::steady_clock;
  if constexpr (std::is_same_v<Clock, steady_clock> && std::is_same_v<Duration, steady_clock::duration>) {
    return deadline{at};
  } else {
    // In floating point: the difference of two times may not fit the finer of their units.
    using wide = std::chrono::duration<long double, std::nano>;
    return deadline{wide{at.time_since_epoch()} - wide{Clock::now().time_since_epoch()}};
  }
}

/// Calls wait(deadline) until it returns true or `at` has come by its own clock, and returns what it said
/// last.
template <class Clock, class Duration, class Wait>
bool wait_by_clock(std::chrono::time_point<Clock, Duration> at, Wait wait) {
  for (;;) {
    if (wait(deadline_by_clock(at))) return true;
    if (std::is_same_v<Clock, std::chrono::steady_clock> || deadline_by_clock(at).is_past()) return false;
  }
}

}  // namespace weft::detail

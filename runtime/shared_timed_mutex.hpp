// A shared_mutex with std's names for a bounded wait. `lock(until)` and `lock_shared(until)` of shared_mutex
// are the same as cancellation points.
#pragma once

#include <chrono>

#include <weft/runtime/any_clock.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/timed_lock.hpp>

namespace weft {

class shared_timed_mutex : public detail::timed_lock<shared_mutex> {
 public:
  /// Shares it, and tells whether it could. Zero or less tries once. No cancellation point.
  ///
  /// Blocks     the calling fiber or thread, at most so long.
  /// Safe from  any fiber or thread.
  template <class R, class P>
  [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<R, P> time) {
    return try_lock_shared() || lock_shared_until(deadline{time}, /*cancellable=*/false).has_value();
  }

  /// The same until then, by any clock.
  template <class C, class D>
  [[nodiscard]] bool try_lock_shared_until(std::chrono::time_point<C, D> until) {
    return try_lock_shared() || detail::wait_by_clock(until, [this](deadline at) {
             return lock_shared_until(at, /*cancellable=*/false).has_value();
           });
  }
};

}  // namespace weft

// std's names for a bounded wait, for a mutex that has lock_until(deadline, cancellable).
#pragma once

#include <chrono>

#include <weft/runtime/any_clock.hpp>

namespace weft::detail {

template <class Mutex>
class timed_lock : public Mutex {
 public:
  /// Takes it, and tells whether it could. Zero or less tries once. No cancellation point.
  ///
  /// Blocks     the calling fiber or thread, at most so long.
  /// Safe from  any fiber or thread.
  template <class R, class P>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<R, P> time) {
    return this->try_lock() || this->lock_until(deadline{time}, /*cancellable=*/false).has_value();
  }

  /// The same until then, by any clock.
  template <class C, class D>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<C, D> until) {
    return this->try_lock() || wait_by_clock(until, [this](deadline at) {
             return this->lock_until(at, /*cancellable=*/false).has_value();
           });
  }
};

}  // namespace weft::detail

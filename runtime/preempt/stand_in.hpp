// What another worker can do in the place of one that is held up: accept at its listening socket, say.
//
// Who has such work says so at its worker, from its fiber; the monitor calls it while that worker does not
// come to it. The lock is held during the call, so that who takes it back knows that the monitor has let go.
#pragma once

#include <mutex>

#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

class scheduler;

struct stand_in : list_node {
  /// Lets worker number `other` do it, by a fiber of its own. On the monitor's thread, once a tick at most:
  /// it must not block.
  void (*step_in)(stand_in& self, scheduler& of, unsigned other) noexcept = nullptr;
};

class stand_ins {
 public:
  /// The worker's own fibers.
  void add(stand_in& one) noexcept {
    const std::lock_guard hold{lock_};
    all_.push_back(one);
  }
  void remove(stand_in& one) noexcept {
    const std::lock_guard hold{lock_};
    one.unlink();
  }

  /// The monitor.
  void call(scheduler& of, unsigned other) noexcept {
    const std::lock_guard hold{lock_};
    for (stand_in& one : all_) one.step_in(one, of, other);
  }

 private:
  thread_mutex lock_;
  intrusive_list<stand_in> all_;  // guarded by lock_
};

}  // namespace weft::detail

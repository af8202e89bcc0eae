// Fibers that other threads have spawned for a worker, until it accepts them: a lock-free stack that anyone
// pushes to, and that the worker takes whole; or the monitor does, if the worker does not come to it.
//
// Apart from the inbox, whose messages are the worker's alone. There the worker hears of them: who pushes and
// has not been preceded by another since the worker last took, tells it.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/message.hpp>

namespace weft::detail {

class newcomers {
 public:
  /// Adds `m`. True: the worker is to be told. Safe from any thread. Cost: two locked instructions.
  [[nodiscard]] bool push(message& m) noexcept {
    message* newest = newest_.load(std::memory_order_relaxed);
    do m.next = newest;
    while (!newest_.compare_exchange_weak(newest, &m, std::memory_order_release, std::memory_order_relaxed));
    return !told_.exchange(true, std::memory_order_acq_rel);
  }

  /// Takes all, oldest first, when it has been told. The worker only.
  message* take_told() noexcept {
    told_.exchange(false, std::memory_order_acq_rel);  // before it looks: who comes later tells it again
    return take();
  }

  /// Takes all, oldest first. Safe from any thread.
  message* take() noexcept { return oldest_first(newest_.exchange(nullptr, std::memory_order_acquire)); }

 private:
  atomic<message*> newest_{nullptr};
  atomic<bool> told_{false};
};

}  // namespace weft::detail

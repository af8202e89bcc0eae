// The eventfd by which other threads end a poller's sleep. Between two acknowledgements only the first wake()
// costs a system call, however many threads call it.
//
// Never lost: whoever finds the flag set has, by the release sequence of its exchange, published what it did
// before to the acknowledge() that clears the flag, and the poller's owner looks for work only after that.
//
// The counter of the eventfd is never read back: every write is an edge that wakes (edge-triggered epoll,
// multishot poll), and 2^64 of them do not happen.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class wake_event {
 public:
  wake_event() = default;
  wake_event(const wake_event&) = delete;
  wake_event& operator=(const wake_event&) = delete;
  ~wake_event();

  /// 0, or -errno.
  int open() noexcept;

  int descriptor() const noexcept { return descriptor_; }

  /// Makes the descriptor's poller see an event, unless one is already under way. Safe from any thread.
  void wake() noexcept;

  /// The poller has seen the event: the next wake() makes another.
  void acknowledge() noexcept { under_way_.exchange(false, std::memory_order_acq_rel); }

 private:
  int descriptor_ = -1;
  atomic<bool> under_way_{false};
};

}  // namespace weft::detail

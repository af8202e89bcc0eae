// How the monitor sleeps while all workers do, and who wakes it.
//
// The monitor says that it dozes and then looks at the workers once more; a worker that wakes says so and
// then looks whether the monitor dozes. At least one sees the other (asymmetric fences: the worker's is
// free).
#pragma once

#include <climits>
#include <cstdint>

#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class doze {
 public:
  /// A worker has taken back the announcement of its sleep. Cost: a load; a system call if the monitor dozes.
  WEFT_ALWAYS_INLINE void worker_woke() noexcept {
    light_fence();
    if (dozing_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake();
  }

  /// Ends the sleep of the monitor, or its next one. From any thread.
  WEFT_NOINLINE void wake() noexcept {
    if (dozing_.exchange(0, std::memory_order_acq_rel) != 0) futex_wake(&dozing_, INT_MAX);
  }

  /// Sleeps until a worker wakes. `all_asleep()`: whether it is worth it. The monitor only.
  template <class AllAsleep>
  void sleep(AllAsleep&& all_asleep) noexcept {
    dozing_.store(1, std::memory_order_relaxed);
    heavy_fence();
    if (all_asleep())
      while (dozing_.load(std::memory_order_acquire) != 0) futex_wait(dozing_, 1, deadline::never());
    dozing_.store(0, std::memory_order_relaxed);
  }

 private:
  atomic<std::uint32_t> dozing_{0};
};

}  // namespace weft::detail

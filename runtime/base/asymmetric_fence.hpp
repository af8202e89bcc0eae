// A pair of fences of which the frequent one is free and the rare one pays for both.
//
// The pattern: two threads each write one word and then read the other's, and at least one must see the
// other's write. That takes a full fence on both sides. Here the hot side only keeps the compiler from
// reordering, and the cold side makes the kernel run a full fence on every CPU that runs a thread of this
// process. Source: membarrier(2), PRIVATE_EXPEDITED, Linux 4.14; the idea is folly's AsymmetricThreadFence.
#pragma once

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

/// Whether the kernel can do it; else both sides run a full fence. Set by prepare_asymmetric_fences().
extern constinit bool asymmetric_fences;

/// Before the first use; more does no harm. Safe from any thread.
void prepare_asymmetric_fences() noexcept;

/// The hot side, between its write and its read. Cost: nothing.
WEFT_ALWAYS_INLINE void light_fence() noexcept {
  if (asymmetric_fences) [[likely]]
    signal_fence(std::memory_order_seq_cst);
  else fence(std::memory_order_seq_cst);
}

/// The cold side. Cost: a system call that interrupts the other CPUs, some microseconds.
void heavy_fence() noexcept;

}  // namespace weft::detail

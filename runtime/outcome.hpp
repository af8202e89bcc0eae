// What becomes of a fiber's outcome, and of its block, when it has ended.
#pragma once

#include <weft/runtime/fiber.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

/// Whether the fiber ended with an exception, or with an error value other than canceled. Of a fiber that has
/// ended.
bool has_failed(const fiber& f) noexcept;

/// Tells the error sink of a failure, if there is one, and releases the fiber.
void report_and_release(fiber& f) noexcept;

WEFT_NOINLINE void release_fiber_slow(fiber& f) noexcept;

/// Destroys what is left of the outcome and gives the block back. The last owner only, once the fiber has
/// ended; any thread.
WEFT_ALWAYS_INLINE void release_fiber(fiber& f) noexcept {
  worker* const here = worker::current();
  const bool simple = f.outcome == nullptr && f.stop_source.load(std::memory_order_relaxed) == nullptr &&
                      (f.control.load(std::memory_order_acquire) & fiber::posted) == 0;
  if (here != nullptr && simple) [[likely]]
    here->release(f);
  else release_fiber_slow(f);
}

}  // namespace weft::detail

// What calls that may wait do first, even if they need not wait: whoever has had its slice lets others run.
//
// The monitor cuts the batch of a worker whose fiber has run for options.slice; a switch would see that, but
// a fiber that takes free locks and sends into channels with room makes none.
#pragma once

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

/// The cold half: others run, if somebody is ready.
WEFT_NOINLINE void slice_is_over() noexcept;

/// Cost: two loads and tests.
WEFT_ALWAYS_INLINE void heed_slice() noexcept {
  const worker* const here = worker::current();
  if (here != nullptr && here->batch_is_over()) [[unlikely]]
    slice_is_over();
}

}  // namespace weft::detail

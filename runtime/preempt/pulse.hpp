// What a worker looks like, to the monitor and to the handler that it asks.
#pragma once

#include <weft/runtime/preempt/hog_watch.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

inline worker_pulse pulse_of(worker& w) noexcept {
  return {.running = w.running(), .budget = w.budget(), .pass = w.passes(), .asleep = w.messages().sleeps()};
}

}  // namespace weft::detail

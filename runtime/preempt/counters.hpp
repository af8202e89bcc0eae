// What preemption has done on one worker: plain numbers that anyone may read, a little late.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

struct preempt_counters {
  // Written by the handler, on the worker's thread.
  exposed<std::uint64_t> preemptions;  // fibers switched out in the middle of a preemptible region
  exposed<std::uint64_t> refused;  // signals that found weft's own code, or a region that could not be left
  // Written by the monitor.
  exposed<std::uint64_t> signals_sent;
  exposed<std::uint64_t> stalls;  // reported or not

  static void count(exposed<std::uint64_t>& one) noexcept { one.set(one.get() + 1); }
};

}  // namespace weft::detail

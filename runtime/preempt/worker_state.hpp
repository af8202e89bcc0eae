// What a worker keeps for preemption: what the monitor asks, what the handler answers and counts.
#pragma once

#include <cstdint>

#include <pthread.h>
#include <sys/types.h>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/preempt/counters.hpp>
#include <weft/runtime/preempt/side_buffers.hpp>
#include <weft/runtime/preempt/snapshot.hpp>

namespace weft::detail {

struct preempt_state {
  enum : std::uint32_t { ask_yield = 1, ask_snapshot = 2 };

  // Written before the monitor starts.
  pthread_t thread{};
  pid_t tid = 0;

  atomic<std::uint32_t> asked{0};  // by the monitor; taken by the handler
  snapshot seen;
  preempt_counters counters;
  side_buffers buffers;  // the worker's thread only
};

}  // namespace weft::detail

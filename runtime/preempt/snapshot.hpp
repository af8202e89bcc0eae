// What the handler of the preemption signal notes of the worker that it interrupts: which fiber runs, and
// where.
//
// One per worker. The monitor asks, the handler answers, the monitor reads; `step` says whose turn it is.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/preempt/hog_watch.hpp>

namespace weft::detail {

struct snapshot {
  static constexpr std::size_t frames_max = 48;
  static constexpr std::size_t text_max = 512;

  enum : std::uint32_t { idle, wanted, being_taken, taken };

  atomic<std::uint32_t> step{idle};  // a futex
  worker_pulse of;                   // what the monitor has seen
  std::uint32_t frames_count = 0;
  const void* frames[frames_max]{};  // innermost first: where it is, then return addresses
  bool has_moved = false;            // the worker has gone on since, so the rest is of something else
  std::uint32_t text_size = 0;       // 0: no fiber runs
  char text[text_max];               // what the fiber is called
};

}  // namespace weft::detail

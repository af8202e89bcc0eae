// What a worker counts about itself: plain numbers for the worker, which others may read, a little late.
//
// What would cost a hot path something is sampled: one pass of the scheduler's loop in sample_every is looked
// at with a clock.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/metrics/counter.hpp>
#include <weft/runtime/metrics/histogram.hpp>

namespace weft::detail {

/// A batch has at most 128 fibers (batch_size()).
inline constexpr std::size_t batch_size_places = 8;

struct worker_counters {
  atomic<std::uint64_t> spawned{0};   // fibers that this worker spawned
  atomic<std::uint64_t> finished{0};  // fibers that ended here
  counter cancelled;                  // of these, the ones that had been asked to stop
  counter batches;
  counter switches;  // counted per batch
  counter steals;    // fibers taken from others
  counter spins;
  counter sleeps;
  counter messages;
  counter signal_masks;  // system calls that changed this thread's signal mask
  size_counts<batch_size_places> batch_sizes;

  // As they were at the last sample, or when it fell asleep.
  counter ready;   // the length of its run queue
  counter timers;  // armed
  counter in_flight;
};

/// How long things take. Each is 9 KiB, so the simulator's workers, of which there are millions, have none.
struct worker_histograms {
  /// A guess: three clock readings in so many passes are lost beside the passes.
  static constexpr std::uint32_t sample_every = 32;

  // Sampled.
  histogram_recorder schedule_latency;  // from when a fiber was the last in the queue until it ran
  histogram_recorder batch;             // a batch of fibers
  histogram_recorder poll;              // a turn of the poller that does not wait
  // All of them.
  histogram_recorder sleep;  // in the kernel for want of work
};

}  // namespace weft::detail

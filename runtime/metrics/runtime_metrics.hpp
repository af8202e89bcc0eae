// What a runtime says about itself: rt.metrics(), or weft::metrics() in a fiber.
//
//     const weft::runtime_metrics m = rt.metrics();
//     m.fibers.live;  m.total.schedule_latency.percentile(0.99);
//     std::string text = weft::to_prometheus(m);      // prometheus.hpp
//     rt.print_stats();                               // a table on standard error
//
// Counts begin with the runtime and only grow. Each worker counts for itself, without locked instructions;
// who asks adds them up, so a sum is right for some moment in between, per worker. docs/metrics.md says what
// each number means, and what to do when it is bad.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <weft/pools/pool_stats.hpp>
#include <weft/pools/stack_class.hpp>
#include <weft/runtime/metrics/histogram.hpp>

namespace weft {

/// One worker, or the sum over all.
struct worker_metrics {
  // Fibers.
  std::uint64_t spawned = 0;    ///< by fibers that ran here; what other threads spawn is in the total
  std::uint64_t finished = 0;   ///< ended here
  std::uint64_t cancelled = 0;  ///< of these, the ones that had been asked to stop
  std::uint64_t running = 0;    ///< run now: 0 or 1, and in the total at most one per worker
  std::uint64_t started = 0;    ///< live here, for good
  std::uint64_t parked = 0;     ///< of these, the ones that wait
  std::uint64_t ready = 0;      ///< length of the run queue, at the last sample or sleep

  // The scheduler's loop.
  std::uint64_t switches = 0;                  ///< times that a fiber went on
  std::uint64_t batches = 0;                   ///< times that fibers ran between two looks at the ring
  std::array<std::uint64_t, 8> batch_sizes{};  ///< [i]: of at most 2^i fibers, more than half that
  std::uint64_t steals = 0;                    ///< fibers taken from other workers
  std::uint64_t messages = 0;                  ///< that came through the inbox
  std::uint64_t spins = 0;                     ///< times that it looked around before it slept
  std::uint64_t sleeps = 0;                    ///< times that it slept for want of work
  std::uint64_t signal_masks = 0;         ///< system calls that changed the signal mask: two, at the start
  std::uint64_t preemptions = 0;          ///< fibers that were switched out inside a preemptible region
  std::uint64_t preemptions_refused = 0;  ///< signals that came where no fiber could be switched out
  std::uint64_t preempt_signals = 0;      ///< signals that the monitor sent: none without a hog
  std::uint64_t stalls = 0;  ///< fibers that kept the worker beyond options.stall, reported or not

  // The kernel.
  std::uint64_t enters = 0;         ///< io_uring_enter, or epoll_wait
  std::uint64_t queue_entries = 0;  ///< of io_uring (SQEs), cancellations and the rest included
  std::uint64_t submitted = 0;      ///< I/O operations begun
  std::uint64_t completed = 0;      ///< results of them
  std::uint64_t cancellations = 0;  ///< operations that were asked to end early
  std::uint64_t in_flight = 0;      ///< operations under way, at the last sample or sleep
  std::uint64_t events = 0;         ///< completions that the kernel brought; under epoll, events
  std::array<std::uint64_t, 13> events_at_once{};  ///< [i]: turns that brought up to 2^i; the last: more
  std::uint64_t timers = 0;                        ///< armed, at the last sample or sleep
  std::uint64_t timers_expired = 0;
  std::uint64_t connections = 0;  ///< that listeners have brought here

  // Of one pass of the loop in 32.
  histogram schedule_latency;  ///< how long the last in the run queue waited for its turn
  histogram batch_time;        ///< how long a batch ran
  histogram poll_time;         ///< how long a look at the kernel took that did not wait
  // Of all.
  histogram sleep_time;  ///< how long a worker slept; its sum is time not used
};

/// Fibers that live, counted one by one when somebody asks.
struct fiber_metrics {
  struct waiting {
    std::string_view reason;  ///< "sleep", "io", "mutex", ...
    std::size_t count = 0;
  };

  std::size_t live = 0;       ///< all below
  std::size_t unstarted = 0;  ///< have no stack yet
  std::size_t ready = 0;      ///< started, could go on
  std::size_t running = 0;
  std::size_t parked = 0;
  std::vector<waiting> parked_by_reason;  ///< every reason, those with none too
};

struct stack_class_metrics {
  stack_class size{};
  std::size_t in_use = 0;
  std::size_t warm = 0;              ///< free, perhaps with pages
  std::size_t cold = 0;              ///< free, without
  std::size_t high_water = 0;        ///< the most that were in use, or in the workers' caches
  std::size_t mapped_bytes = 0;      ///< of address space
  std::size_t page_table_bytes = 0;  ///< estimate: 8 per page of the stacks that were ever made
  std::uint64_t overflows = 0;       ///< of the process, that it has survived
};

struct pool_metrics {
  std::string name;
  pool_stats stats;
};

/// The threads for what may block.
struct offload_metrics {
  std::size_t threads = 0, idle = 0, queued = 0;
  std::uint64_t submitted = 0, completed = 0, withdrawn = 0, refused = 0;
};

struct runtime_metrics {
  std::vector<worker_metrics> workers;
  worker_metrics total;
  fiber_metrics fibers;
  std::vector<stack_class_metrics> stacks;
  std::uint64_t stacks_refused = 0;   ///< fibers that found no memory for a stack, and waited
  std::uint64_t stack_overflows = 0;  ///< of all classes
  std::size_t page_table_bytes = 0;   ///< of the process, as the kernel counts them; 0: it does not say
  offload_metrics offload;
  std::vector<pool_metrics> pools;  ///< of the process: pools, caches of names
  std::string_view backend;         ///< "io_uring", "epoll"
};

/// Of the runtime whose fiber calls. From no fiber it is an assertion: runtime::metrics() is for others.
///
/// Cost       as runtime::metrics().
[[nodiscard]] runtime_metrics metrics();

/// Writes a table for people.
void print_stats(const runtime_metrics& m, std::FILE* to);

}  // namespace weft

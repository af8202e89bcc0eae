#include <weft/runtime/metrics/prometheus.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <weft/runtime/metrics/prometheus_text.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

using detail::prometheus_text;
using kind = prometheus_text::kind;

struct worker_family {
  std::string_view name;
  kind what;
  std::string_view help;
  std::uint64_t worker_metrics::* value;
};

constexpr worker_family worker_families[] = {
    {"weft_worker_fibers_spawned_total", kind::counter, "Fibers spawned by fibers of this worker.",
     &worker_metrics::spawned},
    {"weft_worker_fibers_finished_total", kind::counter, "Fibers that ended on this worker.",
     &worker_metrics::finished},
    {"weft_worker_fibers_cancelled_total", kind::counter,
     "Fibers that ended on this worker after they had been asked to stop.", &worker_metrics::cancelled},
    {"weft_worker_running", kind::gauge, "Whether a fiber runs on this worker now.",
     &worker_metrics::running},
    {"weft_worker_fibers_started", kind::gauge, "Live fibers that belong to this worker.",
     &worker_metrics::started},
    {"weft_worker_fibers_parked", kind::gauge, "Fibers of this worker that wait for something.",
     &worker_metrics::parked},
    {"weft_worker_run_queue_length", kind::gauge,
     "Fibers that were ready on this worker at its last sample or sleep.", &worker_metrics::ready},
    {"weft_worker_switches_total", kind::counter, "Times that a fiber went on.", &worker_metrics::switches},
    {"weft_worker_batches_total", kind::counter, "Batches of fibers that ran between two looks at the ring.",
     &worker_metrics::batches},
    {"weft_worker_steals_total", kind::counter, "Fibers that this worker took from others.",
     &worker_metrics::steals},
    {"weft_worker_messages_total", kind::counter, "Messages that came through the worker's inbox.",
     &worker_metrics::messages},
    {"weft_worker_spins_total", kind::counter, "Times that the worker spun before it would have slept.",
     &worker_metrics::spins},
    {"weft_worker_sleeps_total", kind::counter, "Times that the worker slept for want of work.",
     &worker_metrics::sleeps},
    {"weft_worker_signal_masks_total", kind::counter, "System calls that changed the worker's signal mask.",
     &worker_metrics::signal_masks},
    {"weft_worker_preemptions_total", kind::counter,
     "Fibers that were switched out inside a preemptible region.", &worker_metrics::preemptions},
    {"weft_worker_preemptions_refused_total", kind::counter,
     "Preemption signals that came where no fiber could be switched out.",
     &worker_metrics::preemptions_refused},
    {"weft_worker_preempt_signals_total", kind::counter, "Preemption signals that the monitor sent.",
     &worker_metrics::preempt_signals},
    {"weft_worker_stalls_total", kind::counter,
     "Times that a fiber kept this worker for longer than options.stall.", &worker_metrics::stalls},
    {"weft_io_enters_total", kind::counter, "System calls that submit or wait: io_uring_enter or epoll_wait.",
     &worker_metrics::enters},
    {"weft_io_queue_entries_total", kind::counter,
     "Entries of io_uring's submission queue (SQEs) that the kernel took.", &worker_metrics::queue_entries},
    {"weft_io_submissions_total", kind::counter, "I/O operations that were begun.",
     &worker_metrics::submitted},
    {"weft_io_completions_total", kind::counter, "Results of I/O operations.", &worker_metrics::completed},
    {"weft_io_cancellations_total", kind::counter, "I/O operations that were asked to end early.",
     &worker_metrics::cancellations},
    {"weft_io_in_flight", kind::gauge, "I/O operations under way at the worker's last sample or sleep.",
     &worker_metrics::in_flight},
    {"weft_timers_armed", kind::gauge, "Timers armed at the worker's last sample or sleep.",
     &worker_metrics::timers},
    {"weft_timers_expired_total", kind::counter, "Timers that went off.", &worker_metrics::timers_expired},
    {"weft_worker_connections", kind::gauge,
     "Connections that listeners brought to this worker and it serves.", &worker_metrics::connections},
};

void write_workers(prometheus_text& out, const runtime_metrics& m) {
  for (const worker_family& f : worker_families) {
    out.family(f.name, f.what, f.help);
    for (std::size_t i = 0; i < m.workers.size(); ++i)
      out.sample({{"worker", std::to_string(i)}}, m.workers[i].*f.value);
  }
}

void write_fibers(prometheus_text& out, const runtime_metrics& m) {
  out.single("weft_fibers_spawned_total", kind::counter, "Fibers ever spawned, by other threads too.",
             m.total.spawned);
  out.family("weft_fibers", kind::gauge, "Live fibers by state.");
  for (const auto& [state, count] : {prometheus_text::state_count{"unstarted", m.fibers.unstarted},
                                     {"ready", m.fibers.ready},
                                     {"running", m.fibers.running},
                                     {"parked", m.fibers.parked}})
    out.sample({{"state", state}}, count);
  out.family("weft_fibers_parked", kind::gauge, "Fibers that wait, by what they wait for.");
  for (const auto& [reason, count] : m.fibers.parked_by_reason)
    out.sample({{"reason", reason}}, std::uint64_t{count});
}

void write_times(prometheus_text& out, const worker_metrics& all) {
  out.durations("weft_schedule_latency",
                "How long the last fiber of a run queue waited for its turn; one pass in 32.",
                all.schedule_latency);
  out.durations("weft_batch", "How long a batch of fibers ran; one pass in 32.", all.batch_time);
  out.durations("weft_poll", "How long a look at the kernel took that did not wait; one pass in 32.",
                all.poll_time);
  out.durations("weft_sleep", "How long a worker slept for want of work; every time.", all.sleep_time);
  out.sizes("weft_batch_size", "Fibers that went on in one batch.", all.batch_sizes, all.switches);
  out.sizes("weft_io_completions_per_turn", "Completions (epoll: events) that one turn brought, if any.",
            all.events_at_once, all.events);
}

void write_stacks(prometheus_text& out, const runtime_metrics& m) {
  const auto each = [&](std::string_view name, std::string_view help,
                        std::size_t stack_class_metrics::* value) {
    out.family(name, kind::gauge, help);
    for (const stack_class_metrics& c : m.stacks)
      out.sample({{"class", detail::name(c.size)}}, std::uint64_t{c.*value});
  };
  each("weft_stacks_in_use", "Stacks that fibers have.", &stack_class_metrics::in_use);
  each("weft_stacks_warm", "Free stacks that may have pages.", &stack_class_metrics::warm);
  each("weft_stacks_cold", "Free stacks without pages.", &stack_class_metrics::cold);
  each("weft_stacks_high_water", "The most stacks that were in use, or in caches of workers, at once.",
       &stack_class_metrics::high_water);
  each("weft_stacks_mapped_bytes", "Address space of stacks.", &stack_class_metrics::mapped_bytes);
  each("weft_stacks_page_table_bytes", "Page tables of stacks, estimated: 8 bytes per page of each.",
       &stack_class_metrics::page_table_bytes);
  out.single("weft_stacks_refused_total", kind::counter, "Times that there was no memory for a stack.",
             m.stacks_refused);
  out.family("weft_stack_overflows_total", kind::counter,
             "Stack overflows that the process has survived, because a handler of its own let it.");
  for (const stack_class_metrics& c : m.stacks) out.sample({{"class", detail::name(c.size)}}, c.overflows);
  out.single("weft_page_table_bytes", kind::gauge, "Page tables of the process, as the kernel counts them.",
             std::uint64_t{m.page_table_bytes});
}

void write_offload(prometheus_text& out, const offload_metrics& o) {
  out.single("weft_offload_threads", kind::gauge, "Threads of the pool for what may block.",
             std::uint64_t{o.threads});
  out.single("weft_offload_threads_idle", kind::gauge, "Of these, the ones that wait for a job.",
             std::uint64_t{o.idle});
  out.single("weft_offload_queued", kind::gauge, "Jobs that wait for a thread.", std::uint64_t{o.queued});
  out.single("weft_offload_submitted_total", kind::counter, "Jobs that were queued.", o.submitted);
  out.single("weft_offload_completed_total", kind::counter, "Jobs that have run.", o.completed);
  out.single("weft_offload_withdrawn_total", kind::counter, "Jobs that were taken back before they ran.",
             o.withdrawn);
  out.single("weft_offload_refused_total", kind::counter, "Jobs for which there was no room in the queue.",
             o.refused);
}

// Pools of one name count as one: two samples must not have the same labels.
std::vector<pool_metrics> by_name(const std::vector<pool_metrics>& all) {
  std::vector<pool_metrics> sums;
  sums.reserve(all.size());
  for (const auto& [name, s] : all) {
    const auto same = std::ranges::find(sums, name, &pool_metrics::name);
    if (same == sums.end()) {
      sums.push_back({name, s});
      continue;
    }
    pool_stats& sum = same->stats;
    sum.in_use += s.in_use;
    sum.idle += s.idle;
    sum.capacity += s.capacity;
    sum.limit = s.limit > SIZE_MAX - sum.limit ? SIZE_MAX : sum.limit + s.limit;
    sum.high_water += s.high_water;
    sum.hits += s.hits;
    sum.misses += s.misses;
    sum.refused += s.refused;
  }
  return sums;
}

void write_pools(prometheus_text& out, const runtime_metrics& m) {
  const std::vector<pool_metrics> pools = by_name(m.pools);
  const auto each = [&](std::string_view name, kind what, std::string_view help, auto value) {
    out.family(name, what, help);
    for (const pool_metrics& p : pools) {
      const std::uint64_t v = p.stats.*value;
      if (v == SIZE_MAX) out.sample({{"pool", p.name}}, std::numeric_limits<double>::infinity());
      else out.sample({{"pool", p.name}}, v);
    }
  };
  each("weft_pool_in_use", kind::gauge, "Things of a pool that are taken.", &pool_stats::in_use);
  each("weft_pool_idle", kind::gauge, "Things that are free and have memory.", &pool_stats::idle);
  each("weft_pool_capacity", kind::gauge, "For how many the pool keeps memory.", &pool_stats::capacity);
  each("weft_pool_limit", kind::gauge, "The most that may be in use.", &pool_stats::limit);
  each("weft_pool_high_water", kind::gauge, "The most that were in use at once.", &pool_stats::high_water);
  each("weft_pool_hits_total", kind::counter, "Takes that the thread's own cache answered.",
       &pool_stats::hits);
  each("weft_pool_misses_total", kind::counter, "Takes that needed the pool's lock.", &pool_stats::misses);
  each("weft_pool_refused_total", kind::counter, "Takes that got nothing.", &pool_stats::refused);
}

std::string text_of(const runtime_metrics& m) {
  prometheus_text out;
  out.family("weft_info", kind::gauge, "How the runtime talks to the kernel; always 1.");
  out.sample({{"backend", m.backend}}, std::uint64_t{1});
  out.single("weft_workers", kind::gauge, "Worker threads.", std::uint64_t{m.workers.size()});
  write_fibers(out, m);
  write_workers(out, m);
  write_times(out, m.total);
  write_stacks(out, m);
  write_offload(out, m.offload);
  write_pools(out, m);
  return out.take();
}

}  // namespace

std::string to_prometheus(const runtime_metrics& m) {
  return on_thread_stack([&] { return text_of(m); });
}

}  // namespace weft

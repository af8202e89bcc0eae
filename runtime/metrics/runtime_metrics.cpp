#include <weft/runtime/metrics/runtime_metrics.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <weft/pools/pool_registry.hpp>
#include <weft/pools/slab.hpp>
#include <weft/runtime/metrics/park_reasons.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/overflow.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/wait.hpp>

namespace weft {
namespace {

using detail::fiber;
using detail::fiber_state;
using detail::scheduler;
using detail::worker;

// What the kernel calls VmPTE.
std::size_t page_tables_of_process() noexcept {
  const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[8192];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  constexpr std::string_view key = "\nVmPTE:";
  const std::string_view all{text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  const std::size_t at = all.find(key);
  if (at == all.npos) return 0;
  const std::size_t digits = all.find_first_not_of(" \t", at + key.size());
  std::size_t kilobytes = 0;
  if (digits != all.npos) std::from_chars(all.data() + digits, all.data() + all.size(), kilobytes);
  return kilobytes * 1024;
}

void read_histograms(const detail::worker_histograms* h, worker_metrics& m) {
  if (h == nullptr) return;
  h->schedule_latency.add_to(m.schedule_latency);
  h->batch.add_to(m.batch_time);
  h->poll.add_to(m.poll_time);
  h->sleep.add_to(m.sleep_time);
}

worker_metrics read(worker& w) {
  worker_metrics m;
  const detail::worker_counters& c = w.counters();
  m.finished = c.finished.load(std::memory_order_relaxed);  // first: it never exceeds the other
  m.spawned = c.spawned.load(std::memory_order_relaxed);
  m.cancelled = c.cancelled;
  m.ready = c.ready;
  m.switches = c.switches;
  m.batches = c.batches;
  c.batch_sizes.add_to(m.batch_sizes);
  m.steals = c.steals;
  m.messages = c.messages;
  m.spins = c.spins;
  m.sleeps = c.sleeps;
  m.signal_masks = c.signal_masks;
  const detail::preempt_counters& preempt = w.preemption().counters;
  m.preemptions = preempt.preemptions.get();
  m.preemptions_refused = preempt.refused.get();
  m.preempt_signals = preempt.signals_sent.get();
  m.stalls = preempt.stalls.get();
  m.in_flight = c.in_flight;
  m.timers = c.timers;
  m.timers_expired = w.timers().expired();
  m.connections = w.connections.load(std::memory_order_relaxed);
  const detail::poller_counters& p = w.io_counters();
  m.enters = p.enters;
  m.queue_entries = p.entries;
  m.submitted = p.submitted;
  m.completed = p.completed;
  m.cancellations = p.cancelled;
  m.events = p.events;
  p.events_at_once.add_to(m.events_at_once);
  read_histograms(w.histograms(), m);
  return m;
}

void add(worker_metrics& all, const worker_metrics& one) {
  constexpr std::uint64_t worker_metrics::* sums[] = {
      &worker_metrics::spawned,         &worker_metrics::finished,
      &worker_metrics::cancelled,       &worker_metrics::running,
      &worker_metrics::started,         &worker_metrics::parked,
      &worker_metrics::ready,           &worker_metrics::switches,
      &worker_metrics::batches,         &worker_metrics::steals,
      &worker_metrics::messages,        &worker_metrics::spins,
      &worker_metrics::sleeps,          &worker_metrics::signal_masks,
      &worker_metrics::enters,          &worker_metrics::queue_entries,
      &worker_metrics::submitted,       &worker_metrics::completed,
      &worker_metrics::cancellations,   &worker_metrics::in_flight,
      &worker_metrics::events,          &worker_metrics::timers,
      &worker_metrics::timers_expired,  &worker_metrics::connections,
      &worker_metrics::preemptions,     &worker_metrics::preemptions_refused,
      &worker_metrics::preempt_signals, &worker_metrics::stalls};
  for (const auto member : sums) all.*member += one.*member;
  for (std::size_t i = 0; i < all.batch_sizes.size(); ++i) all.batch_sizes[i] += one.batch_sizes[i];
  for (std::size_t i = 0; i < all.events_at_once.size(); ++i) all.events_at_once[i] += one.events_at_once[i];
  all.schedule_latency.merge(one.schedule_latency);
  all.batch_time.merge(one.batch_time);
  all.poll_time.merge(one.poll_time);
  all.sleep_time.merge(one.sleep_time);
}

// Whose home a fiber has, by address: the worker of a block that has become another's may be gone.
class homes {
 public:
  explicit homes(scheduler& of) {
    all_.reserve(of.workers().size());
    for (const auto& w : of.workers()) all_.push_back(w.get());
  }

  std::size_t index_of(const worker* home) const noexcept {
    return static_cast<std::size_t>(std::ranges::find(all_, home) - all_.begin());
  }

 private:
  std::vector<const worker*> all_;
};

// Walks over the control blocks: what a fiber waits for is known there, at no cost for who waits.
void count_fibers(scheduler& of, runtime_metrics& m) {
  const homes where{of};
  fiber_metrics& all = m.fibers;
  all.parked_by_reason.reserve(detail::park_reason_names.size());
  for (const std::string_view reason : detail::park_reason_names) all.parked_by_reason.push_back({reason});
  std::size_t started = 0;
  detail::process_slabs<sizeof(fiber)>().for_each([&](void* block) {
    const fiber& f = *static_cast<const fiber*>(block);
    const fiber_state state = f.state.load(std::memory_order_acquire);
    if (f.owner.load(std::memory_order_relaxed) != &of) return;
    if (state == fiber_state::unstarted) ++all.unstarted;
    if (state != fiber_state::started) return;
    ++started;
    const std::size_t home = where.index_of(f.home.load(std::memory_order_relaxed));
    const bool known = home < m.workers.size();
    if (known) ++m.workers[home].started;
    if (f.waiting.get() == nullptr ||
        static_cast<const detail::parker&>(f).outcome() != detail::wake_reason::pending)
      return;
    ++all.parked;
    ++all.parked_by_reason[static_cast<std::size_t>(f.why.get())].count;
    if (known) ++m.workers[home].parked;
  });
  const worker* const here =
      worker::current();  // runs the fiber that asks, though this is the thread's stack
  for (std::size_t i = 0; i < m.workers.size(); ++i) {
    const worker& w = *of.workers()[i];
    m.workers[i].running = w.running() != nullptr || &w == here ? 1 : 0;
    all.running += m.workers[i].running;
  }
  const std::size_t active = started - all.parked;
  all.running = std::min(all.running, active);
  all.ready = active - all.running;
  all.live = all.unstarted + started;
}

void read_stacks(scheduler& of, runtime_metrics& m) {
  constexpr std::size_t page = 4096, entry = 8;
  m.stacks.resize(detail::stack_classes);
  for (std::size_t i = 0; i < m.stacks.size(); ++i) m.stacks[i].size = static_cast<stack_class>(i);
  for (std::size_t node = 0; node < of.stack_depots(); ++node) {
    const detail::stack_depot::census counted = of.stacks(node).count();
    m.stacks_refused += counted.refused;
    for (stack_class_metrics& c : m.stacks) {
      const auto& one = counted.by_class[static_cast<std::size_t>(c.size)];
      c.in_use += one.in_use;
      c.warm += one.warm;
      c.cold += one.cold;
      c.high_water += one.high_water;
      c.mapped_bytes += one.mapped;
    }
  }
  for (stack_class_metrics& c : m.stacks) {
    c.page_table_bytes = (c.in_use + c.warm + c.cold) * detail::stride(c.size) / page * entry;
    c.overflows = detail::overflows_seen(c.size);
    m.stack_overflows += c.overflows;
  }
}

runtime_metrics collect(scheduler& of) {
  runtime_metrics m;
  m.workers.reserve(of.workers().size());
  for (const auto& w : of.workers()) m.workers.push_back(read(*w));
  count_fibers(of, m);
  for (const worker_metrics& w : m.workers) add(m.total, w);
  m.total.spawned = of.fibers_spawned();
  read_stacks(of, m);
  m.page_table_bytes = page_tables_of_process();
  const detail::offload_stats jobs = of.offload().stats();
  m.offload = {jobs.threads,   jobs.idle,      jobs.queued, jobs.submitted,
               jobs.completed, jobs.withdrawn, jobs.refused};
  for_each_pool(
      [&](std::string_view name, const pool_stats& s) { m.pools.push_back({std::string{name}, s}); });
  if (const char* const name = of.workers().front()->backend()) m.backend = name;
  return m;
}

}  // namespace

// A fiber's stack is too small to format and to read files on.
runtime_metrics runtime::metrics() const {
  return on_thread_stack([this] { return collect(*scheduler_); });
}

void runtime::print_stats(std::FILE* to) const {
  on_thread_stack([this, to] { weft::print_stats(collect(*scheduler_), to); });
}

runtime_metrics metrics() {
  const worker* const here = worker::current();
  WEFT_ASSERT(here != nullptr, "metrics() of which runtime? runtime::metrics() is for other threads");
  return on_thread_stack([] { return collect(worker::current()->owner()); });
}

}  // namespace weft

#include <cstdint>

#include <weft/runtime/metrics/runtime_metrics.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

using std::chrono::nanoseconds;

using number = unsigned long long;  // what %llu takes

// "17 ns", "1.2 us", "3.4 ms", "2.0 s", eight columns wide.
struct readable {
  explicit readable(nanoseconds t) {
    const auto ns = static_cast<double>(t.count());
    if (ns < 1e3) std::snprintf(text, sizeof text, "%5.0f ns", ns);
    else if (ns < 1e6) std::snprintf(text, sizeof text, "%5.1f us", ns / 1e3);
    else if (ns < 1e9) std::snprintf(text, sizeof text, "%5.1f ms", ns / 1e6);
    else std::snprintf(text, sizeof text, "%5.1f s ", ns / 1e9);
  }
  char text[24];
};

double per(std::uint64_t all, std::uint64_t parts) {
  return parts == 0 ? 0 : static_cast<double>(all) / static_cast<double>(parts);
}

void print_fibers(const runtime_metrics& m, std::FILE* to) {
  const fiber_metrics& f = m.fibers;
  std::fprintf(to, "fibers     %llu spawned, %llu finished, %llu cancelled\n", number{m.total.spawned},
               number{m.total.finished}, number{m.total.cancelled});
  std::fprintf(to, "  live     %zu: %zu not started, %zu ready, %zu running, %zu parked\n", f.live,
               f.unstarted, f.ready, f.running, f.parked);
  for (const auto& [reason, count] : f.parked_by_reason)
    if (count != 0)
      std::fprintf(to, "  parked   %8zu  %.*s\n", count, static_cast<int>(reason.size()), reason.data());
}

void print_worker(const char* name, const worker_metrics& w, std::FILE* to) {
  std::fprintf(to, "%-6s %8llu %8llu %6llu %10llu %9llu %6.1f %8llu %8llu %8llu %8llu %9llu %6llu\n", name,
               number{w.started}, number{w.parked}, number{w.ready}, number{w.switches}, number{w.batches},
               per(w.switches, w.batches), number{w.steals}, number{w.messages}, number{w.sleeps},
               number{w.enters}, number{w.completed}, number{w.timers});
}

void print_times(const char* name, const histogram& h, std::FILE* to) {
  std::fprintf(to, "  %-18s %10llu", name, number{h.count()});
  for (const double fraction : {0.5, 0.9, 0.99, 0.999})
    std::fprintf(to, "  %8s", readable{h.percentile(fraction)}.text);
  std::fprintf(to, "  %8s\n", readable{h.max()}.text);
}

void print_stacks(const runtime_metrics& m, std::FILE* to) {
  std::fprintf(to, "stacks    in use     warm     cold  high water  page tables\n");
  for (const stack_class_metrics& c : m.stacks)
    if (c.high_water != 0)
      std::fprintf(to, "  %-6s %8zu %8zu %8zu    %8zu  %8.1f KiB\n", detail::name(c.size), c.in_use, c.warm,
                   c.cold, c.high_water, static_cast<double>(c.page_table_bytes) / 1024);
}

void print_troubles(const runtime_metrics& m, std::FILE* to) {
  const worker_metrics& t = m.total;
  std::fprintf(
      to,
      "stalls %llu, preempted %llu (%llu refused, %llu signals), fibers cancelled %llu, I/O cancelled "
      "%llu, stacks refused %llu, overflows %llu\n",
      number{t.stalls}, number{t.preemptions}, number{t.preemptions_refused}, number{t.preempt_signals},
      number{t.cancelled}, number{t.cancellations}, number{m.stacks_refused}, number{m.stack_overflows});
}

void print_pools(const runtime_metrics& m, std::FILE* to) {
  std::fprintf(to, "pools                          in use     idle  high water   hits %%    refused\n");
  for (const auto& [name, s] : m.pools)
    std::fprintf(to, "  %-26s %8zu %8zu    %8zu   %6.2f   %8llu\n", name.c_str(), s.in_use, s.idle,
                 s.high_water, 100 * per(s.hits, s.hits + s.misses), number{s.refused});
}

void print_all(const runtime_metrics& m, std::FILE* to) {
  std::fprintf(to, "weft: %zu workers, %.*s\n", m.workers.size(), static_cast<int>(m.backend.size()),
               m.backend.data());
  print_fibers(m, to);
  std::fprintf(to,
               "worker  fibers   parked  ready   switches   batches   size   steals messages   sleeps   "
               "enters completed timers\n");
  for (std::size_t i = 0; i < m.workers.size(); ++i)
    print_worker(std::to_string(i).c_str(), m.workers[i], to);
  print_worker("all", m.total, to);
  std::fprintf(to, "times                     count       p50       p90       p99     p99.9       max\n");
  print_times("schedule latency", m.total.schedule_latency, to);
  print_times("batch", m.total.batch_time, to);
  print_times("poll", m.total.poll_time, to);
  print_times("sleep", m.total.sleep_time, to);
  print_stacks(m, to);
  std::fprintf(to, "offload    %zu threads, %zu idle, %zu queued, %llu run, %llu refused\n",
               m.offload.threads, m.offload.idle, m.offload.queued, number{m.offload.completed},
               number{m.offload.refused});
  print_pools(m, to);
  print_troubles(m, to);
}

}  // namespace

void print_stats(const runtime_metrics& m, std::FILE* to) {
  on_thread_stack([&] { print_all(m, to); });
}

}  // namespace weft

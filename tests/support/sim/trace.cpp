#include <sim/trace.hpp>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include <sim/mutation.hpp>
#include <sim/record.hpp>
#include <sim/simulator.hpp>

#include <sys/mman.h>

namespace weft::detail {

bool trace_on = false;

namespace {

std::map<const volatile void*, std::string>& labels() {
  static std::map<const volatile void*, std::string> all;
  return all;
}

}  // namespace

const char* to_string(step_kind kind) noexcept {
  switch (kind) {
    case step_kind::none: return "nothing";
    case step_kind::load: return "load";
    case step_kind::store: return "store";
    case step_kind::exchange: return "exchange";
    case step_kind::compare_exchange: return "compare_exchange";
    case step_kind::compare_exchange_weak: return "compare_exchange_weak";
    case step_kind::fetch: return "fetch";
    case step_kind::fence: return "fence";
    case step_kind::pause: return "pause";
    case step_kind::futex_wait: return "futex_wait";
    case step_kind::futex_wake: return "futex_wake";
    case step_kind::poll: return "poll";
    case step_kind::notify: return "notify";
    case step_kind::start: return "start";
    case step_kind::block: return "block";
  }
  return "?";
}

world_record& record() noexcept {
  static world_record* const shared = [] {
    void* const memory = mmap(nullptr, sizeof(world_record), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return static_cast<world_record*>(memory);
  }();
  return *shared;
}

void clear_record() noexcept {
  world_record& r = record();
  r.seed = r.seeds_done = r.steps = r.traced = r.traced_by_test = 0;
  r.what[0] = '\0';
  r.sites_count = 0;
}

void set_trace(bool on) noexcept {
  trace_on = on;
  steps_report_values = on || mutation_needs_values();
}

void mark_end_of_test() noexcept { record().traced_by_test = record().traced; }

void trace_begin(simulator& world) noexcept {
  world_record& r = record();
  r.seed = world.seed;
  r.traced = r.traced_by_test = 0;
  labels().clear();
  trace_thread(*world.threads.front());
}

void trace_end() noexcept { labels().clear(); }

void trace_thread(const simulated_thread& t) noexcept {
  if (t.id >= world_record::threads_max) return;
  char* const name = record().thread_names[t.id];
  std::snprintf(name, sizeof record().thread_names[0], "%s", t.name.c_str());
}

void trace_step(const simulated_thread& self, step_kind kind, step_verdict verdict,
                const volatile void* address, const std::source_location& site, std::int64_t now,
                std::uint64_t number) noexcept {
  world_record& r = record();
  r.trace[r.traced++ % world_record::steps_max] = {number, now,     0,    0,       address,
                                                   site,   self.id, kind, verdict, false};
}

void trace_values(std::uint64_t before, std::uint64_t after) noexcept {
  world_record& r = record();
  if (r.traced == 0) return;
  traced_step& last = r.trace[(r.traced - 1) % world_record::steps_max];
  last.before = before;
  last.after = after;
  last.has_values = true;
}

void report_values(const volatile void* address, std::uint64_t before, std::uint64_t after) noexcept {
  if (active_simulator == nullptr) return;
  if (trace_active()) trace_values(before, after);
  remember_change(address, before, after);
}

void set_label(const volatile void* address, std::string_view name) { labels()[address] = name; }

std::string label_of(const volatile void* address) {
  if (address == nullptr) return {};
  std::string& label = labels()[address];
  if (label.empty()) label = "@" + std::to_string(labels().size());
  return label;
}

std::string place_of(const std::source_location& site) {
  const char* const slash = std::strrchr(site.file_name(), '/');
  return std::string{slash == nullptr ? site.file_name() : slash + 1} + ':' + std::to_string(site.line());
}

std::string trace_text(std::size_t most, bool of_test) {
  const world_record& r = record();
  const std::uint64_t end = of_test && r.traced_by_test != 0 ? r.traced_by_test : r.traced;
  const std::uint64_t oldest = r.traced - std::min<std::uint64_t>(r.traced, world_record::steps_max);
  std::string out;
  for (std::uint64_t i = std::max(oldest, end - std::min<std::uint64_t>(end, most)); i < end; ++i) {
    const traced_step& s = r.trace[i % world_record::steps_max];
    const char* const verdict = s.verdict == step_verdict::plain  ? ""
                                : s.verdict == step_verdict::fail ? " (spurious)"
                                                                  : " (mutated)";
    char line[256];
    std::snprintf(line, sizeof line, "%8" PRIu64 " %10.3f us  %2u %-15s %-21s %-26s %s", s.number,
                  static_cast<double>(s.now - 1'000'000'000) / 1000, s.thread,
                  s.thread < world_record::threads_max ? r.thread_names[s.thread] : "", to_string(s.kind),
                  place_of(s.site).c_str(), label_of(s.address).c_str());
    out += line;
    if (s.has_values && s.before == s.after) std::snprintf(line, sizeof line, " = %#" PRIx64, s.before);
    else if (s.has_values) std::snprintf(line, sizeof line, " %#" PRIx64 " -> %#" PRIx64, s.before, s.after);
    else line[0] = '\0';
    out += line;
    out += verdict;
    out += '\n';
  }
  return out;
}

}  // namespace weft::detail

#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

struct rate_name {
  std::string_view shown, metric;
};
constexpr auto rates = std::to_array<rate_name>({
    {"spawned", "weft_fibers_spawned_total"},
    {"finished", "weft_worker_fibers_finished_total"},
    {"switches", "weft_worker_switches_total"},
    {"batches", "weft_worker_batches_total"},
    {"steals", "weft_worker_steals_total"},
    {"sleeps", "weft_worker_sleeps_total"},
    {"ring enters", "weft_io_enters_total"},
    {"completions", "weft_io_completions_total"},
    {"timers", "weft_timers_expired_total"},
    {"requests", "weft_http_requests_total"},
});

struct latency_name {
  std::string_view shown, histogram;
};
constexpr auto latencies = std::to_array<latency_name>({
    {"wait for a turn", "weft_schedule_latency_seconds"},
    {"batch", "weft_batch_seconds"},
    {"HTTP request", "weft_http_request_duration_seconds"},
});

constexpr std::size_t busiest_max = 10;

// The innermost frame that is not of weft's inside: that is where it waits, for its author.
std::string place_of(const json& frames) {
  for (const json& frame : frames) {
    const std::string function = frame.value("function", "");
    const bool inside = function.starts_with("weft::detail::") ||
                        function.starts_with("void weft::detail::") || function.starts_with("weft_context_");
    if (!function.empty() && !inside) return function;
  }
  return frames.empty() ? "" : frames.front().value("function", "");
}

std::string site_of(const json& fiber) {
  const std::string file = fiber.value("file", "");
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(fiber.value("line", 0));
}

std::string state_text(const std::string& phase, const std::string& waits_for) {
  return waits_for.empty() ? phase : phase + ": " + waits_for;
}

std::vector<busy_fiber> busiest_between(const json& before, const json& now, double seconds) {
  std::map<std::uint64_t, std::int64_t> ran_before;
  for (const json& f : before.at("fibers"))
    ran_before.emplace(f.at("id").get<std::uint64_t>(), f.value("run_ns", std::int64_t{0}));
  std::vector<busy_fiber> out;
  for (const json& f : now.at("fibers")) {
    const auto id = f.at("id").get<std::uint64_t>();
    const auto was = ran_before.find(id);
    const std::int64_t ran = f.value("run_ns", std::int64_t{0}) - (was == ran_before.end() ? 0 : was->second);
    if (ran <= 0) continue;
    out.push_back({.id = id,
                   .share = static_cast<double>(ran) / 1e9 / seconds,
                   .name = f.value("name", ""),
                   .spawned_at = site_of(f),
                   .state = state_text(f.value("phase", ""), f.value("waits_for", ""))});
  }
  const std::size_t kept = std::min(out.size(), busiest_max);
  std::ranges::partial_sort(out, out.begin() + static_cast<std::ptrdiff_t>(kept), std::ranges::greater{},
                            &busy_fiber::share);
  out.resize(kept);
  return out;
}

std::vector<fiber_group> groups_in(const json& all) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, fiber_group> groups;
  const json& stacks = all.at("stacks");
  for (const json& f : all.at("fibers")) {
    fiber_group g;
    g.phase = f.value("phase", "");
    g.waits_for = f.value("waits_for", "");
    g.name = f.value("name", "");
    if (f.contains("stack")) g.where = place_of(stacks.at(f.at("stack").get<std::size_t>()));
    g.spawned_at = site_of(f);
    ++groups.try_emplace({g.phase, g.waits_for, g.where, g.spawned_at}, g).first->second.fibers;
  }
  std::vector<fiber_group> out;
  out.reserve(groups.size());
  for (auto& [key, g] : groups) out.push_back(std::move(g));
  std::ranges::sort(out, std::ranges::greater{}, [](const fiber_group& g) {
    return std::tie(g.fibers, g.phase, g.waits_for, g.where, g.spawned_at);
  });
  return out;
}

std::vector<named_number> by_label(const exposition& m, std::string_view metric, std::string_view label,
                                   bool zeros) {
  std::vector<named_number> out;
  for (const metric_sample& s : m.of(metric))
    if (const auto at = s.labels.find(label); at != s.labels.end() && (zeros || s.value != 0))
      out.push_back({at->second, s.value});
  return out;
}

std::vector<worker_row> workers_between(const observation& before, const observation& now, double seconds) {
  std::vector<worker_row> out;
  for (const metric_sample& s : now.metrics.of("weft_worker_fibers_started")) {
    const std::string& id = s.labels.at("worker");
    const auto is = [&](std::string_view metric) { return now.metrics.sum(metric, "worker", id); };
    const auto rate = [&](std::string_view metric) {
      return growth(before.metrics.sum(metric, "worker", id), is(metric)) / seconds;
    };
    out.push_back({.worker = static_cast<unsigned>(std::stoul(id)),
                   .fibers = s.value,
                   .parked = is("weft_worker_fibers_parked"),
                   .ready = is("weft_worker_run_queue_length"),
                   .switches = rate("weft_worker_switches_total"),
                   .sleeps = rate("weft_worker_sleeps_total"),
                   .enters = rate("weft_io_enters_total"),
                   .completions = rate("weft_io_completions_total")});
  }
  return out;
}

report compare_known(const observation& before, const observation& now) {
  const json fibers = json::parse(now.fibers);
  report r;
  r.seconds = std::chrono::duration<double>{now.at - before.at}.count();
  if (const auto& info = now.metrics.of("weft_info"); !info.empty())
    r.backend = info.front().labels.at("backend");
  r.states = by_label(now.metrics, "weft_fibers", "state", true);
  r.reasons = by_label(now.metrics, "weft_fibers_parked", "reason", false);
  std::ranges::sort(r.reasons, std::ranges::greater{},
                    [](const named_number& n) { return std::tie(n.value, n.name); });
  for (const auto& [shown, metric] : rates)
    if (!now.metrics.of(metric).empty())
      r.rates.push_back(
          {std::string{shown}, growth(before.metrics.sum(metric), now.metrics.sum(metric)) / r.seconds});
  for (const auto& [shown, histogram] : latencies) {
    const auto at = [&](double share) {
      return quantile_between(before.metrics, now.metrics, histogram, share);
    };
    if (!now.metrics.of(std::string{histogram} + "_count").empty())
      r.latencies.push_back({std::string{shown}, at(0.5), at(0.9), at(0.99), at(0.999)});
  }
  r.workers = workers_between(before, now, r.seconds);
  r.connections = by_label(now.metrics, "weft_http_connections", "state", true);
  r.busiest = busiest_between(json::parse(before.fibers), fibers, r.seconds);
  r.groups = groups_in(fibers);
  return r;
}

// --- text

std::string grouped_digits(double value) {
  std::string digits = std::to_string(std::llround(value));
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

// The bound of a bucket.
std::string duration_text(std::optional<double> seconds) {
  if (!seconds) return "-";
  if (std::isinf(*seconds)) return "longer";
  char out[32];
  if (*seconds < 1e-3) std::snprintf(out, sizeof out, "%.3g us", *seconds * 1e6);
  else if (*seconds < 1) std::snprintf(out, sizeof out, "%.3g ms", *seconds * 1e3);
  else std::snprintf(out, sizeof out, "%.3g s", *seconds);
  return out;
}

std::string percent_text(double share) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f %%", share * 100);
  return out;
}

class page {
 public:
  explicit page(std::size_t columns) : columns_{columns} {}

  void line(std::string_view text = {}) { out_.append(text.substr(0, columns_)).append("\n"); }

  // "what: a 1  b 2", without the line's end beyond `columns`.
  void numbers(std::string_view what, const std::vector<named_number>& all, std::string_view unit) {
    std::string text{what};
    for (const named_number& n : all) {
      std::string next = "  " + n.name + " " + grouped_digits(n.value);
      if (text.size() + next.size() > columns_) {
        line(text);
        text.assign(what.size(), ' ');
      }
      text += next;
    }
    line(text.append(all.empty() ? "  none" : unit));
  }

  std::string take() { return std::move(out_); }

 private:
  const std::size_t columns_;
  std::string out_;
};

std::string cell(const std::string& text, int width) {
  char out[128];
  std::snprintf(out, sizeof out, "%*.100s", width, text.c_str());
  return out;
}

json numbers_of(const std::vector<named_number>& all) {
  json out = json::object();
  for (const named_number& n : all) out[n.name] = n.value;
  return out;
}

json seconds_of(std::optional<double> s) { return s && std::isfinite(*s) ? json(*s) : json(nullptr); }

}  // namespace

std::optional<report> compare(const observation& before, const observation& now) {
  try {
    return compare_known(before, now);
  } catch (const std::exception&) {  // root: None, which says so: not JSON, or a field that is not there
    return std::nullopt;
  }
}

std::string json_of(const report& r) {
  json out{{"backend", r.backend},           {"seconds", r.seconds},
           {"fibers", numbers_of(r.states)}, {"parked", numbers_of(r.reasons)},
           {"rates", numbers_of(r.rates)},   {"connections", numbers_of(r.connections)},
           {"latencies", json::object()},    {"workers", json::array()},
           {"busiest", json::array()},       {"groups", json::array()}};
  for (const latency& l : r.latencies)
    out["latencies"][l.of] = {{"p50", seconds_of(l.p50)},
                              {"p90", seconds_of(l.p90)},
                              {"p99", seconds_of(l.p99)},
                              {"p999", seconds_of(l.p999)}};
  for (const worker_row& w : r.workers)
    out["workers"].push_back({{"worker", w.worker},
                              {"fibers", w.fibers},
                              {"parked", w.parked},
                              {"ready", w.ready},
                              {"switches", w.switches},
                              {"sleeps", w.sleeps},
                              {"enters", w.enters},
                              {"completions", w.completions}});
  for (const busy_fiber& f : r.busiest)
    out["busiest"].push_back({{"id", f.id},
                              {"share", f.share},
                              {"name", f.name},
                              {"spawned_at", f.spawned_at},
                              {"state", f.state}});
  for (const fiber_group& g : r.groups)
    out["groups"].push_back({{"fibers", g.fibers},
                             {"phase", g.phase},
                             {"waits_for", g.waits_for},
                             {"where", g.where},
                             {"spawned_at", g.spawned_at},
                             {"name", g.name}});
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string text_of(const report& r, std::size_t columns, std::size_t groups_max) {
  page p{columns};
  p.numbers("fibers", r.states, "");
  p.numbers("parked", r.reasons, "");
  p.numbers("rates ", r.rates, " /s");
  if (!r.connections.empty()) p.numbers("http  ", r.connections, "");
  p.line();
  p.line(cell("AT MOST", -18) + cell("p50", 10) + cell("p90", 10) + cell("p99", 10) + cell("p99.9", 10));
  for (const latency& l : r.latencies)
    p.line(cell(l.of, -18) + cell(duration_text(l.p50), 10) + cell(duration_text(l.p90), 10) +
           cell(duration_text(l.p99), 10) + cell(duration_text(l.p999), 10));
  p.line();
  p.line("WORKER    FIBERS    PARKED   READY   SWITCHES/s   SLEEPS/s   ENTERS/s   COMPLETIONS/s");
  for (const worker_row& w : r.workers)
    p.line(cell(std::to_string(w.worker), 6) + cell(grouped_digits(w.fibers), 10) +
           cell(grouped_digits(w.parked), 10) + cell(grouped_digits(w.ready), 8) +
           cell(grouped_digits(w.switches), 13) + cell(grouped_digits(w.sleeps), 11) +
           cell(grouped_digits(w.enters), 11) + cell(grouped_digits(w.completions), 16));
  p.line();
  if (!r.busiest.empty()) {
    p.line("   FIBER  BUSY    STATE                         SPAWNED AT                    NAME");
    for (const busy_fiber& f : r.busiest)
      p.line(cell(std::to_string(f.id), 8) + cell(percent_text(f.share), 7) + "   " +
             cell(f.state.substr(0, 29), -30) + cell(f.spawned_at.substr(0, 29), -30) + f.name);
    p.line();
  }
  p.line("  FIBERS  STATE                         SPAWNED AT                    WHERE");
  for (std::size_t i = 0; i < std::min(groups_max, r.groups.size()); ++i) {
    const fiber_group& g = r.groups[i];
    p.line(cell(grouped_digits(static_cast<double>(g.fibers)), 8) + "  " +
           cell(state_text(g.phase, g.waits_for).substr(0, 29), -30) + cell(g.spawned_at.substr(0, 29), -30) +
           g.where);
  }
  return p.take();
}

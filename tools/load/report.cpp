#include "report.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <utility>

#include <weft/runtime/base/json_writer.hpp>

namespace {

using weft::detail::json_writer;

struct percentile {
  const char* name;
  double fraction;
};
constexpr auto percentiles = std::to_array<percentile>(
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}});

// A worker that computes for so much of the time measures itself, for it takes up answers late. A guess.
constexpr double busy = 0.95;

double microseconds(std::chrono::nanoseconds t) { return static_cast<double>(t.count()) / 1e3; }

double seconds(std::chrono::nanoseconds t) { return static_cast<double>(t.count()) / 1e9; }

double per(double what, double of) { return of > 0 ? what / of : 0; }

template <class... Arguments>
std::string format(const char* how, Arguments... what) {
  std::array<char, 256> line;
  std::snprintf(line.data(), line.size(), how, what...);
  return line.data();
}

// Three digits are as many as buckets of 1/32 know.
std::string time_text(std::chrono::nanoseconds t) {
  double value = microseconds(t);
  const char* unit = "us";
  for (const char* const next : {"ms", "s"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return format(value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, unit);
}

std::string failures_text(const totals& t) {
  std::string out;
  for (std::size_t i = 0; i < t.failures.size(); ++i) {
    if (t.failures[i] == 0) continue;
    out += (out.empty() ? "" : ", ") + std::string{failure_names[i]} + " " + std::to_string(t.failures[i]);
    if (t.last_errors[i]) out += " (" + t.last_errors[i].message() + ")";
  }
  return out.empty() ? "none" : out;
}

double cpu_us(const load_result& r) {
  return per(r.cpu_seconds * 1e6, static_cast<double>(r.counted.requests));
}

}  // namespace

std::string json_of(const load_result& r, const load_plan& plan, unsigned workers, const std::string& url) {
  const totals& t = r.counted;
  std::string text;
  json_writer out{text};
  out.begin_object().key("target").value(url).key("loop").value(plan.rate ? "open" : "closed");
  if (plan.rate) out.key("rate").value(*plan.rate);
  out.key("connections").value(plan.connections).key("workers").value(workers);
  out.key("pipeline").value(plan.pipeline).key("keep_alive").value(plan.keep_alive);
  out.key("warm_up_seconds").value(seconds(plan.warm_up)).key("seconds").value(r.seconds);
  out.key("interrupted").value(r.interrupted);
  out.key("requests").value(t.requests).key("bytes").value(t.bytes);
  out.key("requests_per_second").value(per(static_cast<double>(t.requests), r.seconds));
  out.key("latency_us").begin_object().key("count").value(t.latency.count());
  out.key("mean").value(microseconds(t.latency.mean()));
  for (const auto& [name, fraction] : percentiles)
    out.key(name).value(microseconds(t.latency.percentile(fraction)));
  out.end_object().key("unanswered").value(t.unanswered.count()).key("failed").value(t.failed());
  out.key("failures").begin_object();
  for (std::size_t i = 1; i < t.failures.size(); ++i) out.key(failure_names[i]).value(t.failures[i]);
  out.end_object().key("cpu_us_per_request").value(cpu_us(r));
  out.key("cpus_used").value(per(r.cpu_seconds, r.seconds)).end_object();
  return text + '\n';
}

std::string text_of(const load_result& r, const load_plan& plan, unsigned workers, const std::string& url) {
  const totals& t = r.counted;
  const auto plural = [](unsigned n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  std::string out = url + ": " + plural(plan.connections, "connection") + ", " + plural(workers, "worker") +
                    ", " + (plan.rate ? format("open loop of %g requests/s", *plan.rate) : "closed loop") +
                    (plan.pipeline > 1 ? ", " + std::to_string(plan.pipeline) + " pipelined" : "") +
                    (plan.keep_alive ? "" : ", a connection each") + format(", %.3g s", r.seconds) +
                    (r.interrupted ? " (interrupted)" : "") + "\n";
  out += format("requests   %llu, %.0f per second, %.1f MB/s\n", static_cast<unsigned long long>(t.requests),
                per(static_cast<double>(t.requests), r.seconds),
                per(static_cast<double>(t.bytes) / 1e6, r.seconds));
  out += "latency    ";
  if (t.latency.count() == 0) out += "none measured";
  else out += "mean " + time_text(t.latency.mean());
  for (const auto& [name, fraction] : percentiles)
    if (t.latency.count() != 0)
      out += std::string{", "} + name + " " + time_text(t.latency.percentile(fraction));
  out += "\nfailures   " + failures_text(t) + "\n";
  if (r.waited_long != 0)
    out += format(
        "unanswered %llu; %llu of them have waited longer than any answer took, and count as that long\n",
        static_cast<unsigned long long>(t.unanswered.count()),
        static_cast<unsigned long long>(r.waited_long));
  const double used = per(r.cpu_seconds, r.seconds);
  out += format("own CPU    %.1f us per request, %.2f processors\n", cpu_us(r), used);
  if (used > busy * workers)
    out += "weft-load was busy all the time, so this may be its own limit: give it more --workers\n";
  return out;
}

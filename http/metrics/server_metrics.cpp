#include <weft/http/metrics/server_metrics.hpp>

#include <string_view>

#include <weft/runtime/metrics/prometheus_text.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft::http {
namespace {

using weft::detail::prometheus_text;
using kind = prometheus_text::kind;

void write_statuses(prometheus_text& out, std::string_view name, std::string_view help,
                    const std::vector<status_count>& counts) {
  out.family(name, kind::counter, help);
  for (const status_count& c : counts)
    out.sample({{"status", std::to_string(static_cast<int>(c.status))}}, c.count);
}

void write_connections(prometheus_text& out, const server_metrics& m) {
  out.family("weft_http_connections", kind::gauge, "Connections by what they do.");
  for (const auto& [state, count] : {prometheus_text::state_count{"idle", m.idle},
                                     {"reading", m.reading},
                                     {"handling", m.handling},
                                     {"writing", m.writing}})
    out.sample({{"state", state}}, count);
  out.single("weft_http_connections_accepted_total", kind::counter, "Connections that were served.",
             m.accepted);
  out.single("weft_http_connections_refused_total", kind::counter,
             "Connections for which there was no room: answered 503, or closed.", m.refused);
  out.single("weft_http_connections_evicted_total", kind::counter,
             "Idle connections that were closed to make room.", m.evicted);
}

std::string text_of(const server_metrics& m) {
  prometheus_text out;
  out.single("weft_http_requests_total", kind::counter, "Requests whose head was understood.", m.requests);
  write_statuses(out, "weft_http_responses_total", "Responses by status.", m.responses);
  write_statuses(out, "weft_http_requests_rejected_total",
                 "Responses to what is no sound request, or did not come in time.", m.rejected);
  out.durations("weft_http_request_duration",
                "From when a request's head was read until the kernel had its response.", m.latency);
  out.single("weft_http_received_bytes_total", kind::counter, "Bytes that clients sent.", m.received_bytes);
  out.single("weft_http_sent_bytes_total", kind::counter, "Bytes that were sent to clients.", m.sent_bytes);
  out.single("weft_http_cache_hits_total", kind::counter, "Responses that a response cache had.",
             m.cache_hits);
  out.single("weft_http_cache_misses_total", kind::counter, "Responses that a response cache might have had.",
             m.cache_misses);
  write_connections(out, m);
  return out.take();
}

}  // namespace

std::uint64_t server_metrics::responses_of_class(int hundreds) const noexcept {
  std::uint64_t sum = 0;
  for (const status_count& c : responses)
    if (static_cast<int>(c.status) / 100 == hundreds) sum += c.count;
  return sum;
}

std::uint64_t server_metrics::responses_with(http::status s) const noexcept {
  for (const status_count& c : responses)
    if (c.status == s) return c.count;
  return 0;
}

std::string to_prometheus(const server_metrics& m) {
  return on_thread_stack([&] { return text_of(m); });
}

}  // namespace weft::http

#include <weft/http/debug/debug_pages.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include <weft/http/debug/debug_page.hpp>
#include <weft/http/debug/local_only.hpp>
#include <weft/http/middleware/security_headers.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/json_writer.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/inspect/fibers.hpp>
#include <weft/runtime/inspect/stack_census.hpp>
#include <weft/runtime/metrics/prometheus.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/trace/chrome_json.hpp>
#include <weft/runtime/trace/tracer.hpp>

namespace weft::http {
namespace {

void page(request&, response& s) { s.html(detail::debug_page); }

// Browsers ask for HTML by name, and get the page, which asks for JSON.
bool is_browser(const request& q) {
  return q.header("accept").value_or("").find("text/html") != std::string_view::npos;
}

// What takes long, or much stack, runs on a thread that may block: symbol tables are read from files.
template <class F>
void answer(response& s, std::string_view content_type, F make) {
  s.body(blocking(std::move(make)), content_type);
}

result<void> fibers(request& q, response& s) {
  const std::string_view format = q.query("format").value_or(is_browser(q) ? "html" : "text");
  if (format == "html") return page(q, s), result<void>{};
  if (format == "json") answer(s, "application/json", [] { return fibers_json(list_fibers()); });
  else if (format == "text")
    answer(s, "text/plain; charset=utf-8", [] { return fibers_text(list_fibers()); });
  else return std::unexpected(status::bad_request);
  return {};
}

std::string pools_json() {
  std::string text;
  weft::detail::json_writer json{text};
  json.begin_object().key("pools").begin_array();
  for_each_pool([&](std::string_view name, const pool_stats& s) {
    json.begin_object().key("name").value(name);
    for (const auto& [what, count] : {std::pair<std::string_view, std::uint64_t>{"in_use", s.in_use},
                                      {"idle", s.idle},
                                      {"capacity", s.capacity},
                                      {"limit", s.limit},
                                      {"high_water", s.high_water},
                                      {"hits", s.hits},
                                      {"misses", s.misses},
                                      {"refused", s.refused}}) {
      json.key(what);
      if (count == std::numeric_limits<std::size_t>::max()) json.literal("null");  // there is no limit
      else json.value(count);
    }
    json.end_object();
  });
  json.end_array().end_object();
  return text;
}

// Not with blocking(): its threads know no runtime.
auto metrics_page(std::function<std::string()> more) {
  return [more = std::move(more)](request&, response& s) {
    std::string text = to_prometheus(metrics());
    if (more) text += more();
    s.body(std::move(text), prometheus_content_type);
  };
}

void pools(request&, response& s) { answer(s, "application/json", pools_json); }

void stacks(request&, response& s) { answer(s, "application/json", stack_census_json); }

// ?seconds=N.
result<std::chrono::seconds> seconds_of(const request& q) {
  const std::string_view text = q.query("seconds").value_or("1");
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < 1 || n > 60)
    return std::unexpected(status::bad_request);
  return std::chrono::seconds{n};
}

// What a page of another site makes a browser ask for: it sees no answer, but would slow the program down.
// Source: W3C Fetch Metadata Request Headers, 2021.
bool is_from_another_site(const request& q) { return q.header("sec-fetch-site") == "cross-site"; }

void refuse(response& s, std::string_view why) { s.status(status::conflict).text(why); }

result<void> record_trace(request& q, response& s) {
  static weft::detail::atomic<bool> recording{false};
  const std::chrono::seconds length = WEFT_TRY(seconds_of(q));
  if (is_from_another_site(q)) return std::unexpected(status::forbidden);
  constexpr std::string_view busy = "a trace is being recorded already: ask again when that is over\n";
  if (recording.exchange(true)) return refuse(s, busy), result<void>{};
  struct turn {
    ~turn() { recording.store(false); }
  };
  const turn mine;  // until the answer is made: another start() forgets what was recorded
  const result<std::uint32_t> number = trace::detail::start_alone();
  if (!number && number.error() == std::errc::device_or_resource_busy) return refuse(s, busy), result<void>{};
  WEFT_TRY(number);
  const result<void> slept = this_fiber::sleep_for(length);
  trace::detail::stop_if_latest(*number);
  WEFT_TRY(slept);
  std::string text = blocking([] { return trace::to_chrome(trace::snapshot()); });
  if (!trace::detail::is_latest(*number))
    return refuse(s, "the program has begun a trace of its own, which goes on; this one is lost\n"),
           result<void>{};
  s.header("Content-Disposition", "attachment; filename=\"weft-trace.json\"");
  s.body(std::move(text), "application/json");
  return {};
}

}  // namespace

void debug_pages(router& to, const debug_pages_options& options) {
  router& here = to.group(options.prefix);
  here.use(security_headers{{.content_security_policy = "frame-ancestors 'none'"}});
  here.use([](request&, response& s, next n) {
    s.default_header("Cache-Control", "no-store");
    return n();
  });
  if (!options.from_anywhere) here.use(detail::local_only{});
  here.get("", [](request& q, response& s) { s.redirect(std::string{q.path()} + "/"); });
  here.get("/", page).get("/fibers", fibers).get("/pools", pools);
  here.get("/stacks", stacks).get("/trace", record_trace);
  here.get("/metrics", metrics_page(options.more_metrics));
}

}  // namespace weft::http

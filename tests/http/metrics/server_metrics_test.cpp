// A server's numbers after requests that are known, and while others are served.
//
// A client has its response before the server has counted it, so tests wait until the numbers stand.
#include "server_fixture.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <build_kind.hpp>
#include <prometheus_parser.hpp>
#include <weft/http/cache/response_cache.hpp>
#include <weft/http/metrics/server_metrics.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/metrics/prometheus.hpp>

namespace weft::testing {
namespace {

using namespace std::chrono_literals;
using http::server_metrics;
using http::status;
using weft_test::prometheus_parser;
using weft_test::value_of;

event* gate = nullptr;  // of /gate, while a test runs

class ServerMetrics : public HttpServer {
 protected:
  /// The metrics as soon as `stand` holds for them; the last ones if that takes too long.
  template <class F>
  server_metrics when(F stand) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    for (;;) {
      server_metrics m = server().metrics();
      if (stand(m) || std::chrono::steady_clock::now() > end) return m;
      std::this_thread::yield();
    }
  }
  server_metrics when_answered(std::uint64_t count) {
    return when([count](const server_metrics& m) { return m.latency.count() == count; });
  }
};

TEST_F(ServerMetrics, are_zero_before_it_serves) {
  const http::server idle{http::router{}};
  const server_metrics m = idle.metrics();
  EXPECT_EQ(m.requests, 0u);
  EXPECT_EQ(m.connections, 0u);
  EXPECT_TRUE(m.responses.empty());
}

TEST_F(ServerMetrics, count_requests_responses_and_bytes) {
  start();
  client c = connect();
  std::size_t sent = 0, received = 0;
  const auto ask = [&](const std::string& request, int responses = 1) {
    sent += c.send(request);
    for (int i = 0; i < responses; ++i) received += c.response().size();
  };
  for (int i = 0; i < 5; ++i) ask(get("/"));
  for (int i = 0; i < 3; ++i) ask(get("/json"));
  for (int i = 0; i < 2; ++i) ask(get("/missing"));
  ask(post("/echo", std::string(100'000, 'x')));
  ask(get("/throws"));
  std::string pipeline;
  for (int i = 0; i < 16; ++i) pipeline += get(i % 2 == 0 ? "/" : "/json");
  ask(pipeline, 16);
  const server_metrics m = when_answered(28);
  EXPECT_EQ(m.requests, 28u);
  EXPECT_EQ(m.latency.count(), 28u);
  EXPECT_GT(m.latency.percentile(0.5), 0ns);
  EXPECT_LE(m.latency.percentile(0.5), m.latency.max());
  EXPECT_EQ(m.responses_with(status::ok), 25u);
  EXPECT_EQ(m.responses_with(status::not_found), 2u);
  EXPECT_EQ(m.responses_with(status::internal_server_error), 1u);
  EXPECT_EQ(m.responses_of_class(2), 25u);
  EXPECT_EQ(m.responses_of_class(4), 2u);
  EXPECT_EQ(m.responses_of_class(5), 1u);
  EXPECT_TRUE(m.rejected.empty());
  EXPECT_EQ(m.received_bytes, sent);
  EXPECT_EQ(m.sent_bytes, received);
  EXPECT_EQ(m.accepted, 1u);
  EXPECT_EQ(m.connections, 1u);
}

TEST_F(ServerMetrics, the_latency_of_a_handler_is_in_its_time) {
  start();
  client c = connect();
  c.send(get("/sleep?ms=30"));
  ASSERT_EQ(status_of(c.response()), "200");
  const server_metrics m = when_answered(1);
  EXPECT_GE(m.latency.max(), 30ms);
  EXPECT_EQ(m.latency.sum(), m.latency.max());
}

TEST_F(ServerMetrics, a_stream_counts_once_with_all_its_bytes) {
  start({}, [](http::router& r) {
    r.get("/stream", [](http::request&, http::response& s) -> result<void> {
      for (int i = 0; i < 3; ++i) WEFT_TRY(s.write(std::string_view{"piece"}));
      return {};
    });
  });
  client c = connect();
  c.send(get("/stream", "Connection: close\r\n"));
  const std::string all = c.rest();
  EXPECT_TRUE(all.ends_with("0\r\n\r\n"));
  const server_metrics m = when_answered(1);
  EXPECT_EQ(m.requests, 1u);
  EXPECT_EQ(m.responses_with(status::ok), 1u);
  EXPECT_EQ(m.latency.count(), 1u);
  EXPECT_EQ(m.sent_bytes, all.size());
}

TEST_F(ServerMetrics, count_what_is_rejected_apart) {
  start({.head = 20ms});
  const auto ask = [&](const std::string& bytes) {
    client c = connect();
    c.send(bytes);
    return status_of(c.rest());
  };
  EXPECT_EQ(ask("nonsense\r\n\r\n"), "400");
  EXPECT_EQ(ask(get("/%zz")), "400");
  EXPECT_EQ(ask(get("/", "X: " + std::string(1 << 20, 'x') + "\r\n")), "431");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost:"), "408");
  EXPECT_EQ(ask(get("/", "Connection: close\r\n")), "200");
  const server_metrics m = when_answered(5);
  EXPECT_EQ(m.requests, 2u) << "the one that cannot be decoded, and the sound one";
  const auto rejected = [&m](status s) {
    for (const http::status_count& c : m.rejected)
      if (c.status == s) return c.count;
    return std::uint64_t{0};
  };
  EXPECT_EQ(rejected(status::bad_request), 2u);
  EXPECT_EQ(rejected(status::request_header_fields_too_large), 1u);
  EXPECT_EQ(rejected(status::request_timeout), 1u);
  EXPECT_EQ(rejected(status::ok), 0u);
  EXPECT_EQ(m.responses_of_class(4), 4u);
}

TEST_F(ServerMetrics, count_connections_that_found_no_room) {
  start({.connections_max = 1});
  client first = connect();
  first.send(get("/"));
  EXPECT_EQ(status_of(first.response()), "200");
  client second = connect();  // the first has not been idle for long enough to make room
  EXPECT_EQ(status_of(second.rest()), "503");
  const server_metrics m = when([](const server_metrics& now) { return now.refused != 0; });
  EXPECT_EQ(m.refused, 1u);
  EXPECT_EQ(m.accepted, 1u);
  EXPECT_EQ(m.responses_with(status::service_unavailable), 1u);
  EXPECT_EQ(m.evicted, 0u);
}

TEST_F(ServerMetrics, know_what_connections_do) {
  event open;
  gate = &open;
  start({}, [](http::router& r) {
    r.get("/gate", [](http::request&, http::response&) { return gate->wait(); });
    r.get("/huge",
          [](http::request&, http::response& s) { s.body(std::string(64 << 20, 'b'), "text/plain"); });
  });
  std::vector<client> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(connect());
    idle.back().send(get("/"));
    (void)idle.back().response();
  }
  client reading = connect(), handling = connect(), writing = connect();
  reading.send("GET / HT");
  handling.send(get("/gate"));
  writing.send(get("/huge"));  // which is never received
  const server_metrics m = when([](const server_metrics& now) {
    return now.idle == 3 && now.reading == 1 && now.handling == 1 && now.writing == 1;
  });
  EXPECT_EQ(m.connections, 6u);
  EXPECT_EQ(m.idle, 3u);
  EXPECT_EQ(m.reading, 1u);
  EXPECT_EQ(m.handling, 1u);
  EXPECT_EQ(m.writing, 1u);
  EXPECT_EQ(m.accepted, 6u);
  open.set();
  EXPECT_EQ(status_of(handling.response()), "200");
  writing.reset();
  idle.clear();
  const server_metrics then = when([](const server_metrics& now) { return now.connections == 2; });
  EXPECT_EQ(then.connections, 2u);
  EXPECT_EQ(then.idle, 1u);
  EXPECT_EQ(then.reading, 1u);
  EXPECT_EQ(then.handling, 0u);
  EXPECT_EQ(then.writing, 0u);
}

TEST_F(ServerMetrics, know_what_a_cache_answered) {
  start({}, [](http::router& r) {
    const http::response_cache cache;
    r.get("/cached", [cache](http::request& q, http::response& s) {
      return cache(q, s, [&]() -> result<void> {
        s.text("once");
        return {};
      });
    });
  });
  client c = connect();  // one connection, so one worker, so one cache
  for (int i = 0; i < 5; ++i) {
    c.send(get("/cached"));
    EXPECT_EQ(body_of(c.response()), "once");
  }
  const server_metrics m = when_answered(5);
  EXPECT_EQ(m.cache_hits, 4u);
  EXPECT_EQ(m.cache_misses, 1u);
}

// ThreadSanitizer's part: readers on other threads, while both workers serve.
TEST_F(ServerMetrics, may_be_read_while_it_serves) {
  start();
  std::atomic<bool> done{false};
  std::jthread reader{[&] {
    std::uint64_t before = 0;
    while (!done.load()) {
      const server_metrics m = server().metrics();
      EXPECT_GE(m.requests, before);
      EXPECT_LE(m.idle, m.connections);
      before = m.requests;
    }
  }};
  const int rounds = weft_test::scaled(100);
  std::vector<std::jthread> clients;
  clients.reserve(4);
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      client c = connect();
      for (int k = 0; k < rounds; ++k) {
        c.send(get(k % 2 == 0 ? "/" : "/json"));
        EXPECT_EQ(status_of(c.response()), "200");
      }
    });
  clients.clear();
  const auto all = static_cast<std::uint64_t>(4 * rounds);
  const server_metrics m = when_answered(all);
  done = true;
  EXPECT_EQ(m.requests, all);
  EXPECT_EQ(m.responses_with(status::ok), all);
  EXPECT_EQ(m.accepted, 4u);
}

TEST_F(ServerMetrics, follow_those_of_the_runtime_in_one_text) {
  start();
  client c = connect();
  c.send(get("/") + get("/missing"));
  (void)c.response();
  (void)c.response();
  const std::string text = to_prometheus(rt().metrics()) + to_prometheus(when_answered(2));
  const auto all = prometheus_parser::parse(text);
  EXPECT_EQ(weft_test::complaints_of_promtool(text), "");
  EXPECT_EQ(value_of(all, "weft_http_requests_total"), 2);
  EXPECT_EQ(value_of(all, "weft_http_responses_total", "status", "404"), 1);
  EXPECT_EQ(value_of(all, "weft_http_request_duration_seconds", "le", "+Inf"), 2);
  EXPECT_EQ(value_of(all, "weft_pool_in_use", "pool", "http connections"), 1);
}

// docs/metrics.md names every metric that there is, and no other.
TEST_F(ServerMetrics, are_all_explained_in_the_documentation) {
  const char* const page = std::getenv("WEFT_METRICS_PAGE");
  ASSERT_NE(page, nullptr) << "set by meson test: where docs/metrics.md lies";
  std::ifstream file{page};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  ASSERT_FALSE(text.empty()) << page;
  start();
  std::set<std::string> exported, explained;
  for (const auto& [name, family] :
       prometheus_parser::parse(to_prometheus(rt().metrics()) + to_prometheus(server().metrics())))
    exported.insert(name);
  const std::regex name{"`(weft_[a-z_]+)"};
  for (std::sregex_iterator at{text.begin(), text.end(), name}, end; at != end; ++at)
    explained.insert((*at)[1]);
  EXPECT_EQ(exported, explained);
}

}  // namespace
}  // namespace weft::testing

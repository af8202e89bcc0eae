// The client's part of a trace: a span for each request, and the field that says so to the server.
#include <map>
#include <set>
#include <string>

#include <weft/http/middleware/tracing.hpp>
#include <weft/http/response.hpp>
#include <weft/http/server.hpp>
#include <weft/runtime/trace/hexadecimal.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/span_list.hpp>
#include <weft/runtime/trace/tracer.hpp>

#include "attribute_value.hpp"
#include "client_fixture.hpp"

namespace weft::testing {
namespace {

class HttpClientTrace : public HttpClient {
 protected:
  void TearDown() override { trace::stop(); }

  // Of the one span that was recorded.
  static std::map<std::string, std::string> attributes_of(const trace::recording& all) {
    std::map<std::string, std::string> said;
    const auto spans = trace::detail::spans_of(all);
    EXPECT_EQ(spans.size(), 1u);
    for (const auto& s : spans)
      for (const auto* a : s.attributes) said[std::string{trace::detail::key_of(*a)}] = attribute_value(*a);
    return said;
  }

  // The value of a field of the request that a client with these options sends.
  static std::string field_sent(std::string_view name, http::client_options options = {},
                                const http::call& with = {}) {
    std::string seen;
    scripted_server server{{[&](server_side& s) {
      seen = s.request();
      s.send(ok("x"));
    }}};
    http::client client{std::move(options)};
    http::call c = with;
    c.url = server.url();
    EXPECT_EQ(text_of(client.send(c)), "x");
    server.stop();
    const std::size_t at = seen.find("\r\n" + std::string{name} + ": ");
    if (at == seen.npos) return "none";
    const std::size_t begin = at + name.size() + 4;
    return seen.substr(begin, seen.find("\r\n", begin) - begin);
  }
};

TEST_F(HttpClientTrace, says_whom_it_asks_for_what) {
  ASSERT_TRUE(trace::start({.runtime_events = false}));
  std::string at;
  on_fiber([&] {
    scripted_server server{
        {[](server_side& s) { s.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); }}};
    at = server.url();
    http::client client;
    EXPECT_TRUE(client.send({.method = "BREW", .url = at + "p?secret=1"}));
    server.stop();
  });
  const trace::recording all = trace::snapshot();
  const auto said = attributes_of(all);
  EXPECT_EQ(trace::detail::spans_of(all).at(0).name, "HTTP") << "any method would be any number of names";
  EXPECT_EQ(said.at("http.request.method"), "_OTHER");
  EXPECT_EQ(said.at("http.request.method_original"), "BREW");
  const std::size_t colon = at.rfind(':');
  EXPECT_EQ(said.at("server.address"), "127.0.0.1");
  EXPECT_EQ(said.at("server.port") + '/', at.substr(colon + 1));
  EXPECT_EQ(said.at("url.scheme"), "http");
  EXPECT_EQ(said.at("url.path"), "/p");
  EXPECT_EQ(said.at("url.full"), at + "p");
  EXPECT_EQ(said.at("http.response.status_code"), "404");
  EXPECT_EQ(said.at("error.type"), "404");
}

TEST_F(HttpClientTrace, says_why_there_is_no_answer) {
  ASSERT_TRUE(trace::start({.runtime_events = false}));
  on_fiber([&] {
    http::client client;
    EXPECT_EQ(failure(client.get("http://127.0.0.1:1/")), std::errc::connection_refused);
  });
  const trace::recording all = trace::snapshot();
  const auto said = attributes_of(all);
  EXPECT_EQ(said.at("error.type"), std::make_error_code(std::errc::connection_refused).message());
  EXPECT_FALSE(said.contains("http.response.status_code"));
}

TEST_F(HttpClientTrace, sends_its_span_as_the_parent) {
  ASSERT_TRUE(trace::start({.runtime_events = false}));
  std::string sent;
  on_fiber([&] {
    const trace::span outer{"outer"};
    sent = field_sent("traceparent");
  });
  const trace::recording all = trace::snapshot();
  std::map<std::string_view, trace::detail::recorded_span> spans;
  for (const auto& s : trace::detail::spans_of(all)) spans[s.name] = s;
  ASSERT_TRUE(spans.contains("GET"));
  EXPECT_EQ(spans["GET"].identity.parent, spans["outer"].id);
  EXPECT_EQ(spans["GET"].kind, static_cast<std::uint8_t>(trace::span_kind::client));
  const auto& identity = spans["GET"].identity;
  const trace::detail::hexadecimal<2> id{{identity.trace_high, identity.trace_low}};
  const trace::detail::hexadecimal<1> span{{spans["GET"].id}};
  EXPECT_EQ(sent, "00-" + std::string{id.text()} + "-" + std::string{span.text()} + "-01");
}

TEST_F(HttpClientTrace, says_that_a_trace_is_not_sampled) {
  ASSERT_TRUE(trace::start({.sampled = 0}));
  on_fiber([&] { EXPECT_TRUE(field_sent("traceparent").ends_with("-00")); });
  EXPECT_TRUE(trace::detail::spans_of(trace::snapshot()).empty());
}

TEST_F(HttpClientTrace, sends_nothing_unless_it_is_to) {
  on_fiber([&] { EXPECT_EQ(field_sent("traceparent"), "none"); });
  ASSERT_TRUE(trace::start());
  on_fiber([&] {
    EXPECT_EQ(field_sent("traceparent", {.trace = false}), "none");
    EXPECT_EQ(field_sent("tracestate"), "none");
  });
}

TEST_F(HttpClientTrace, leaves_the_fields_of_a_call_alone) {
  ASSERT_TRUE(trace::start());
  on_fiber([&] { EXPECT_EQ(field_sent("traceparent", {}, {.headers = {{"Traceparent", "mine"}}}), "none"); });
}

TEST_F(HttpClientTrace, passes_the_state_of_other_tracers_on) {
  ASSERT_TRUE(trace::start());
  on_fiber([&] {
    const trace::span outer{
        "outer",
        {.trace = {1, 2}, .span = 3, .sampled = true, .state = std::make_shared<const std::string>("a=1")}};
    EXPECT_EQ(field_sent("tracestate"), "a=1");
  });
}

// From a fiber through a client, a server, its handler and a client there to another server: one trace.
TEST_F(HttpClientTrace, goes_through_servers) {
  ASSERT_TRUE(trace::start({.runtime_events = false}));
  on_fiber([&] {
    http::router last;
    last.use(http::tracing{});
    last.get("/", [](http::request&, http::response& s) { s.text("end"); });
    http::server behind{std::move(last)};
    ASSERT_TRUE(behind.listen("127.0.0.1:0"));
    auto behind_serves = spawn([&] { return behind.serve(); });
    http::client asks;
    http::router first;
    first.use(http::tracing{});
    first.get("/", [&](http::request&, http::response& s) {
      s.text(text_of(asks.get("http://" + behind.addresses().front() + "/")));
    });
    http::server front{std::move(first)};
    ASSERT_TRUE(front.listen("127.0.0.1:0"));
    auto front_serves = spawn([&] { return front.serve(); });
    {
      const trace::span root{"root"};
      http::client client;
      EXPECT_EQ(text_of(client.get("http://" + front.addresses().front() + "/")), "end");
    }
    front.request_stop();
    EXPECT_TRUE(front_serves.join());
    behind.request_stop();
    EXPECT_TRUE(behind_serves.join());
  });
  const trace::recording all = trace::snapshot();
  std::map<std::uint64_t, trace::detail::recorded_span> by_parent;
  std::set<std::uint64_t> traces;
  for (const auto& s : trace::detail::spans_of(all)) {
    by_parent[s.identity.parent] = s;
    traces.insert(s.identity.trace_low);
  }
  EXPECT_EQ(traces.size(), 1u);
  ASSERT_EQ(by_parent.size(), 5u);
  std::string way;
  for (std::uint64_t at = 0; by_parent.contains(at); at = by_parent[at].id)
    way += std::to_string(by_parent[at].kind);
  EXPECT_EQ(way, "02121") << "internal, client, server, client, server";
}

}  // namespace
}  // namespace weft::testing

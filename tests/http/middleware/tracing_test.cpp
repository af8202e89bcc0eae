#include <weft/http/middleware/tracing.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/http/response.hpp>
#include <weft/runtime/trace/span.hpp>
#include <weft/runtime/trace/span_list.hpp>
#include <weft/runtime/trace/traceparent.hpp>
#include <weft/runtime/trace/tracer.hpp>

#include "ask.hpp"
#include "attribute_value.hpp"

using namespace weft::http;
namespace trace = weft::trace;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::request_text;

namespace {

const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// What one request leaves: its answer, and its spans, the server's first.
struct traced {
  std::string answer;
  trace::recording recording;
  std::vector<trace::detail::recorded_span> spans;
};

traced asked_as(const std::string& bytes, tracing_options options = {}, const trace::options& how = {}) {
  EXPECT_TRUE(trace::start(how));
  router r;
  r.use(tracing{std::move(options)});
  r.get("/", [](request&, response& s) {
    const trace::span inner{"inner"};
    const trace::context now = trace::current();
    s.text(std::string{trace::traceparent{now}.text()} + ' ' + (now.state ? *now.state : "none"));
  });
  r.get("/no", [](request&, response&) -> weft::result<void> { return std::unexpected(status::not_found); });
  r.get("/late", [](request&, response& s) {
    EXPECT_TRUE(s.write(std::string_view{"x"}));
    return weft::result<void>{std::unexpected(std::make_error_code(std::errc::connection_reset))};
  });
  r.get("/throws", [](request&, response&) { throw std::runtime_error{"out of luck"}; });
  traced got;
  got.answer = ask(std::move(r), bytes);
  trace::stop();
  got.recording = trace::snapshot();
  got.spans = trace::detail::spans_of(got.recording);
  return got;
}

traced asked(const std::string& fields, tracing_options options = {}, const trace::options& how = {}) {
  const std::string target = fields.starts_with('/') ? fields.substr(0, fields.find(' ')) : "/";
  return asked_as(request_text("GET", target, fields.starts_with('/') ? "" : fields), std::move(options),
                  how);
}

std::string attribute_of(const trace::detail::recorded_span& s, std::string_view key) {
  const auto found =
      std::ranges::find_if(s.attributes, [&](const auto* a) { return trace::detail::key_of(*a) == key; });
  return found == s.attributes.end() ? "none" : weft::testing::attribute_value(**found);
}

}  // namespace

TEST(Tracing, takes_the_parent_that_the_request_brings) {
  const traced got = asked("traceparent: " + parent + "\r\n");
  ASSERT_EQ(got.spans.size(), 2u);
  const auto& server = got.spans[0];
  EXPECT_EQ(server.name, "GET");
  EXPECT_EQ(server.kind, static_cast<std::uint8_t>(trace::span_kind::server));
  EXPECT_EQ(server.identity.trace_high, 0x4bf92f3577b34da6u);
  EXPECT_EQ(server.identity.trace_low, 0xa3ce929d0e0e4736u);
  EXPECT_EQ(server.identity.parent, 0x00f067aa0ba902b7u);
  EXPECT_EQ(got.spans[1].identity.parent, server.id);
  EXPECT_EQ(body_in(got.answer).substr(0, 36), parent.substr(0, 36)) << "the handler is in the same trace";
}

TEST(Tracing, begins_a_trace_where_there_is_no_good_parent) {
  for (const std::string& fields :
       {std::string{}, "traceparent: ff" + parent.substr(2) + "\r\n", "traceparent: " + parent + "-x\r\n",
        "traceparent: " + parent + "\r\ntraceparent: " + parent + "\r\n",
        "traceparent: " + parent + ", " + parent + "\r\n"}) {
    const traced got = asked(fields + "tracestate: a=1\r\n");
    ASSERT_EQ(got.spans.size(), 2u) << fields;
    EXPECT_EQ(got.spans[0].identity.parent, 0u) << fields;
    EXPECT_NE(got.spans[0].identity.trace_high, 0x4bf92f3577b34da6u) << fields;
    EXPECT_TRUE(body_in(got.answer).ends_with(" none")) << "its tracestate goes with it";
  }
}

TEST(Tracing, does_as_the_caller_has_decided_about_sampling) {
  const std::string unsampled = parent.substr(0, 53) + "00";
  const traced none = asked("traceparent: " + unsampled + "\r\n");
  EXPECT_TRUE(none.spans.empty());
  EXPECT_EQ(body_in(none.answer).substr(53, 2), "00") << "which goes on";
  EXPECT_EQ(body_in(none.answer).substr(3, 32), parent.substr(3, 32));
  EXPECT_EQ(asked("traceparent: " + parent + "\r\n", {}, {.sampled = 0}).spans.size(), 2u);
  EXPECT_TRUE(asked("", {}, {.sampled = 0}).spans.empty());
}

TEST(Tracing, believes_nobody_if_told_so) {
  const traced got = asked("traceparent: " + parent + "\r\n", {.trust = false});
  ASSERT_EQ(got.spans.size(), 2u);
  EXPECT_EQ(got.spans[0].identity.parent, 0u);
}

TEST(Tracing, passes_the_state_of_other_tracers_on_as_one_list) {
  const std::string fields = "traceparent: " + parent + "\r\n";
  EXPECT_TRUE(body_in(asked(fields + "tracestate: a=1\r\ntracestate: b=2\r\n").answer).ends_with(" a=1,b=2"));
  EXPECT_TRUE(body_in(asked(fields + "tracestate: a=1,a=2\r\n").answer).ends_with(" none"));
  EXPECT_TRUE(
      body_in(asked(fields + "tracestate: a=" + std::string(600, 'x') + "\r\n").answer).ends_with(" none"));
}

TEST(Tracing, says_what_was_asked_and_answered) {
  const traced good = asked("");
  EXPECT_EQ(attribute_of(good.spans[0], "http.request.method"), "GET");
  EXPECT_EQ(attribute_of(good.spans[0], "url.path"), "/");
  EXPECT_EQ(attribute_of(good.spans[0], "http.response.status_code"), "200");
  EXPECT_FALSE(good.spans[0].failed);
  const traced missing = asked("/no ");
  EXPECT_EQ(attribute_of(missing.spans[0], "http.response.status_code"), "404");
  EXPECT_FALSE(missing.spans[0].failed) << "the client's fault, not the server's";
  const traced thrown = asked("/throws ");
  EXPECT_TRUE(thrown.spans[0].failed);
  EXPECT_NE(thrown.answer.find(" 500 "), std::string::npos);
}

TEST(Tracing, says_whom_the_request_was_for) {
  struct {
    std::string host, address, port;
  } const cases[] = {{"example.org:8080", "example.org", "8080"},
                     {"example.org", "example.org", "80"},
                     {"[::1]:81", "::1", "81"}};
  for (const auto& [host, address, port] : cases) {
    const traced got = asked_as("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    EXPECT_EQ(attribute_of(got.spans[0], "server.address"), address) << host;
    EXPECT_EQ(attribute_of(got.spans[0], "server.port"), port) << host;
    EXPECT_EQ(attribute_of(got.spans[0], "url.scheme"), "http");
  }
}

TEST(Tracing, says_what_kind_of_error_it_was) {
  EXPECT_EQ(attribute_of(asked("").spans[0], "error.type"), "none");
  EXPECT_EQ(attribute_of(asked("/no ").spans[0], "error.type"), "none") << "the client's fault";
  const traced thrown = asked("/throws ");
  EXPECT_EQ(attribute_of(thrown.spans[0], "error.type"), "500");
  EXPECT_EQ(attribute_of(thrown.spans[0], "http.response.status_code"), "500");
  const traced late = asked("/late ");
  EXPECT_EQ(attribute_of(late.spans[0], "http.response.status_code"), "200");
  EXPECT_EQ(attribute_of(late.spans[0], "error.type"),
            std::make_error_code(std::errc::connection_reset).message());
  EXPECT_TRUE(late.spans[0].failed) << "though its status was good";
}

TEST(Tracing, calls_the_span_as_it_is_told) {
  EXPECT_EQ(
      asked("", {.name = [](const request& q) { return "GET " + std::string{q.path()}; }}).spans[0].name,
      "GET /");
}

TEST(Tracing, leaves_the_request_alone_while_nothing_is_traced) {
  trace::stop();
  router r;
  r.use(tracing{});
  r.get("/", [](request&, response& s) { s.text(trace::current() ? "traced" : "not"); });
  EXPECT_EQ(body_in(ask(std::move(r), request_text("GET", "/", "traceparent: " + parent + "\r\n"))), "not");
}

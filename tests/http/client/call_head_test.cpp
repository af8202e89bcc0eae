#include <weft/http/client/call_head.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include <weft/http/client/call_error.hpp>

using weft::http::call;
using weft::http::call_error;
using namespace weft::http::detail;

namespace {

std::string head_of(const call& c, const call_manner& how = {}) {
  byte_buffer out;
  const auto written = write_call_head(out, c, *url::parse("http://Example.com:81/p?q"), how);
  return written ? std::string{out.text()} : written.error().message();
}

std::error_code error_of(const call& c) {
  byte_buffer out;
  const auto written = write_call_head(out, c, *url::parse("http://a/"), {});
  return written ? std::error_code{} : written.error();
}

TEST(CallHead, says_what_the_call_says) {
  EXPECT_EQ(head_of({}), "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\n\r\n");
  EXPECT_EQ(head_of({}, {.user_agent = "weft"}),
            "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\nUser-Agent: weft\r\n\r\n");
  EXPECT_EQ(head_of({.headers = {{"A", "1"}, {"HOST", "b"}, {"a", "\t2 \x80"}, {"connection", "Close"}}}),
            "GET /p?q HTTP/1.1\r\nHost: b\r\nA: 1\r\na: \t2 \x80\r\nconnection: Close\r\n\r\n");
  EXPECT_EQ(head_of({.headers = {{"user-agent", "me"}}}, {.user_agent = "weft"}),
            "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\nuser-agent: me\r\n\r\n");
}

TEST(CallHead, asks_for_codings_unless_the_call_does) {
  EXPECT_EQ(head_of({}, {.decompress = true}),
            "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\nAccept-Encoding: gzip, deflate\r\n\r\n");
  EXPECT_EQ(head_of({.headers = {{"accept-encoding", "br"}}}, {.decompress = true}),
            "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\naccept-encoding: br\r\n\r\n");
}

TEST(CallHead, tells_a_proxy_the_whole_url) {
  EXPECT_EQ(head_of({}, {.through_proxy = true}),
            "GET http://example.com:81/p?q HTTP/1.1\r\nHost: example.com:81\r\n\r\n");
  EXPECT_EQ(head_of({}, {.through_proxy = true, .proxy_authorization = "Basic x"}),
            "GET http://example.com:81/p?q HTTP/1.1\r\nHost: example.com:81\r\n"
            "Proxy-Authorization: Basic x\r\n\r\n");
}

// One list is one field. Source: W3C Trace Context, section 3.3.1.
TEST(CallHead, leaves_the_trace_of_the_call_alone) {
  const call_manner traced{.traceparent = "ours", .tracestate = "a=1"};
  const std::string begin = "GET /p?q HTTP/1.1\r\nHost: example.com:81\r\n";
  EXPECT_EQ(head_of({}, traced), begin + "traceparent: ours\r\ntracestate: a=1\r\n\r\n");
  EXPECT_EQ(head_of({.headers = {{"Traceparent", "mine"}}}, traced), begin + "Traceparent: mine\r\n\r\n");
  EXPECT_EQ(head_of({.headers = {{"Tracestate", "b=2"}}}, traced),
            begin + "traceparent: ours\r\nTracestate: b=2\r\n\r\n");
}

TEST(CallHead, says_how_long_the_body_is) {
  EXPECT_EQ(head_of({.method = "POST", .body = std::string(12, 'x')}),
            "POST /p?q HTTP/1.1\r\nHost: example.com:81\r\nContent-Length: 12\r\n\r\n");
  for (const char* method : {"POST", "PUT", "PATCH"})
    EXPECT_TRUE(head_of({.method = method}).ends_with("Content-Length: 0\r\n\r\n")) << method;
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "BREW"})
    EXPECT_EQ(head_of({.method = method}).find("Content-Length"), std::string::npos) << method;
  EXPECT_TRUE(
      head_of({.method = "POST"}, {.streamed = true}).ends_with("81\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_NE(head_of({.method = "DELETE", .body = "x"}).find("Content-Length: 1\r\n"), std::string::npos);
}

TEST(CallHead, refuses_what_would_be_another_request) {
  for (const char* method : {"", "G T", "GET\r\n", "G\x80T", "CONNECT", "GET /"})
    EXPECT_EQ(error_of({.method = method}), call_error::bad_method) << method;
  for (const char* name : {"", "A:", "A B", "A\r\nB", "\x80", "A\n"})
    EXPECT_EQ(error_of({.headers = {{name, "v"}}}), call_error::bad_field_name) << name;
  for (const std::string value : {"a\r\nB: c", "a\n", "a\r", "\x01", "\x7f"})
    EXPECT_EQ(error_of({.headers = {{"A", value}}}), call_error::bad_field_value) << value;
  EXPECT_EQ(error_of({.headers = {{"A", std::string{"a\0b", 3}}}}), call_error::bad_field_value);
  for (const char* host : {"", "a b", "a, b", "u@a", "a/b"})
    EXPECT_EQ(error_of({.headers = {{"Host", host}}}), call_error::bad_field_value) << host;
  EXPECT_EQ(error_of({.headers = {{"Host", "a"}, {"host", "a"}}}), call_error::bad_field_value);
  for (const char* name : {"Content-Length", "transfer-encoding", "Connection", "TE", "Upgrade", "Expect",
                           "Keep-Alive", "Trailer", "Proxy-Connection"})
    EXPECT_EQ(error_of({.headers = {{name, "1"}}}), call_error::reserved_field) << name;
  EXPECT_EQ(error_of({.method = "G T"}), std::errc::invalid_argument);
}

}  // namespace

#include <weft/http/message/request_parser.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "split_parse.hpp"

using namespace weft::http::detail;

namespace {

std::string summary(const request_head& head) {
  std::string text;
  text += std::string{head.method_text()} + ' ' + std::string{head.raw_path()} + '?' +
          std::string{head.raw_query()};
  text += " 1." + std::to_string(head.minor_version) + " form " + std::to_string(int(head.form));
  text += " host " + std::string{head.authority_text()};
  return text + (head.expects_continue ? " expect" : "") + fields_summary(head);
}

// The verdict, which must be the same whole, byte by byte, and in random pieces.
verdict parse(std::string_view bytes, head_limits limits = {}) {
  return parse_split(bytes, request_parser{limits}, summary);
}

std::string get_with(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string{lines} + "\r\n";
}
std::string get_target(std::string_view target) {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

void expect_refused(const std::string& bytes, int error) {
  const verdict v = parse(bytes);
  EXPECT_EQ(v.outcome, parse_outcome::failed) << bytes;
  EXPECT_EQ(v.error, error) << bytes;
}

void expect_accepted(const std::string& bytes) {
  const verdict v = parse(bytes);
  EXPECT_EQ(v.outcome, parse_outcome::complete) << bytes << v;
}

void expect_waiting(const std::string& bytes) {
  EXPECT_EQ(parse(bytes).outcome, parse_outcome::incomplete) << bytes;
}

}  // namespace

TEST(RequestParser, takes_the_parts_apart) {
  EXPECT_EQ(
      parse("GET /a/b?c=d HTTP/1.1\r\nHost: example.org:80\r\nX:\t v w \t\r\nEmpty:\r\n\r\nBODY").what,
      "GET /a/b?c=d 1.1 form 0 host example.org:80 length 0 |Host=example.org:80| |X=v w| |Empty=| bytes 66");
  EXPECT_EQ(parse("POST / HTTP/1.0\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n").what,
            "POST /? 1.0 form 0 host  length 12 keep |Content-Length=12| |Connection=keep-alive| bytes 63");
  EXPECT_EQ(parse("PUT /u HTTP/1.1\r\nhOsT: a\r\ntransfer-ENCODING: \t Chunked \r\nExpect: "
                  "100-Continue\r\nConnection: x, close\r\n\r\n")
                .what,
            "PUT /u? 1.1 form 0 host a expect length 0 chunked close |hOsT=a| |transfer-ENCODING=Chunked| "
            "|Expect=100-Continue| "
            "|Connection=x, close| bytes 103");
  EXPECT_EQ(parse("GET http://b:80/p?q HTTP/1.1\r\nHost: B\r\n\r\n").what,
            "GET /p?q 1.1 form 1 host b:80 length 0 |Host=B| bytes 41");
  EXPECT_EQ(parse("GET http://b HTTP/1.1\r\nHost: b\r\n\r\n").what,
            "GET /? 1.1 form 1 host b length 0 |Host=b| bytes 34");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").what,
            "OPTIONS ? 1.1 form 3 host a length 0 |Host=a| bytes 31");
  EXPECT_EQ(parse("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").what,
            "CONNECT ? 1.1 form 2 host b:443 length 0 |Host=b:443| bytes 39");
}

TEST(RequestParser, waits_for_the_end_of_the_head) {
  const std::string head = get_with("A: b\r\n");
  for (std::size_t length = 0; length < head.size(); ++length) expect_waiting(head.substr(0, length));
  expect_accepted(head);
}

// Rules 1 to 8 of the table: how the body is framed.
TEST(RequestParser, refuses_doubtful_content_length) {
  expect_accepted(get_with("Content-Length: 005\r\n"));
  expect_accepted(get_with("Content-Length:\t7 \r\n"));
  expect_accepted(get_with("Content-Length: 9999999999999999999\r\n"));
  for (const char* value : {"+5", "-1", "0x5", "5 5", "1_0", "", "5, 5", "5,6", "5;", "99999999999999999999",
                            "1e3", "5.0", "\xd9\xa5"})
    expect_refused(get_with("Content-Length: " + std::string{value} + "\r\n"), 400);
  expect_refused(get_with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
  expect_refused(get_with("Content-Length: 5\r\ncontent-length: 6\r\n"), 400);
  expect_refused(get_with("Content_Length: 5\r\n"), 400);
}

TEST(RequestParser, refuses_doubtful_transfer_encoding) {
  expect_accepted(get_with("Transfer-Encoding: chunked\r\n"));
  expect_accepted(get_with("Transfer-Encoding: CHUNKED \t\r\n"));
  for (const char* value : {"xchunked", "chunked, identity", ",chunked", "chunked,", "chunked;q=1", "",
                            "gzip", "chunked, chunked", "chunked chunked", "gzip chunked", "\"chunked\"",
                            "chunked;", "gz(ip, chunked", "identity"})
    expect_refused(get_with("Transfer-Encoding: " + std::string{value} + "\r\n"), 400);
  expect_refused(get_with("Transfer-Encoding: gzip, chunked\r\n"), 501);
  expect_refused(get_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  expect_refused(get_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400);
  expect_refused(get_with("Transfer_Encoding: chunked\r\n"), 400);
  expect_refused(get_with("Transfer-Encoding: \x0b"
                          "chunked\r\n"),
                 400);
  expect_refused(get_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  expect_refused(get_with("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400);
  expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

// Rules 13 to 19: lines and fields.
TEST(RequestParser, ends_lines_with_crlf_only) {
  expect_refused("GET / HTTP/1.1\nHost: a\n\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\n\rX", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400);
}

TEST(RequestParser, refuses_folded_lines) {
  expect_refused(get_with("A: b\r\n c\r\n"), 400);
  expect_refused(get_with("A: b\r\n\tc\r\n"), 400);
  expect_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
}

TEST(RequestParser, refuses_all_but_tokens_as_names) {
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    const bool token =
        std::isalnum(c) != 0
            ? c < 128
            : std::string_view{"!#$%&'*+-.^_`|~"}.find(byte) != std::string_view::npos && c != 0;
    const std::string head = get_with("x" + std::string(1, byte) + "y: 1\r\n");
    if (token || c == ':') expect_accepted(head);
    else expect_refused(head, 400);
  }
  expect_refused(get_with("Name : v\r\n"), 400);
  expect_refused(get_with("Name\t: v\r\n"), 400);
  expect_refused(get_with(": v\r\n"), 400);
  expect_refused(get_with("no colon\r\n"), 400);
  expect_refused(get_with("nocolon\r\n"), 400);
  expect_accepted(get_with("under_score: v\r\n"));
}

TEST(RequestParser, refuses_controls_in_values) {
  for (int c = 0; c < 256; ++c) {
    const std::string head = get_with("x: a" + std::string(1, static_cast<char>(c)) + "b\r\n");
    if ((c >= 0x20 && c != 0x7f) || c == '\t') expect_accepted(head);
    else expect_refused(head, 400);
  }
}

// Rules 20 to 26: Host and target.
TEST(RequestParser, wants_exactly_one_valid_host) {
  expect_refused("GET / HTTP/1.1\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
  expect_accepted("GET / HTTP/1.0\r\n\r\n");
  expect_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400);
  for (const char* host : {"", "a, b", "a b", "u@a", "a/b", "a:b", "a:99999", "[::1", "a\\b", "\xff"})
    expect_refused("GET / HTTP/1.1\r\nHost: " + std::string{host} + "\r\n\r\n", 400);
}

TEST(RequestParser, takes_each_target_form_where_it_belongs) {
  for (const char* target :
       {"/", "/a%20b?c=%zz", "//a", "/?", "/a;b=c", "/[x]|{y}", "http://a/", "HTTP://A:80/x", "http://a?q"})
    expect_accepted(get_target(target));
  for (const char* target :
       {"a", "*", "a:80", "http://", "http:///x", "http://b/", "http://u@a/", "ftp://a/", "http:a",
        "https://a:80/", "/a#b", "/a\\b", "/\x7f", "/\x80", "/\x01", "/a\tb", "//a b", "http://a:8x/"})
    expect_refused(get_target(target), 400);
  expect_accepted("GET https://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_refused("GET https://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("CONNECT [::1] HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 400);
  expect_accepted("CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\n");
  expect_refused("POST * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

// Rules 27 to 30: the request line.
TEST(RequestParser, wants_exactly_one_space) {
  expect_refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
  expect_refused(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("GET /\r\n", 400);
  expect_refused("GET\r\n", 400);
}

TEST(RequestParser, forgives_two_empty_lines_before_a_request) {
  expect_accepted("\r\n" + get_with(""));
  expect_accepted("\r\n\r\n" + get_with(""));
  expect_refused("\r\n\r\n\r\n" + get_with(""), 400);
  expect_refused("\n" + get_with(""), 400);
  expect_refused("\rGET", 400);
}

TEST(RequestParser, tells_versions_apart) {
  const auto with = [](const char* version) {
    return "GET / " + std::string{version} + "\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(parse(with("HTTP/1.9")).what.substr(0, 9), "GET /? 1.");
  EXPECT_EQ(parse(with("HTTP/1.9")).what[9], '1');
  for (const char* version : {"HTTP/2.0", "HTTP/3.0", "HTTP/9.9"}) expect_refused(with(version), 505);
  for (const char* version : {"HTTP/1", "HTTP/01.1", "http/1.1", "HTTP/1.10", "HTTP/1,1", "HTTP/0.9",
                              "HTTP/a.1", "HTTQ/1.1", "X", "HTTP 1.1"})
    expect_refused(with(version), 400);
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
}

TEST(RequestParser, knows_methods_by_their_exact_name) {
  expect_accepted("get / HTTP/1.1\r\nHost: a\r\n\r\n");  // a token: the router does not know it
  EXPECT_EQ(method_of("get"), weft::http::method::other);
  EXPECT_EQ(method_of("DELETE"), weft::http::method::del);
  expect_refused("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_refused("G\xc3T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_accepted(std::string(32, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_refused(std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501);
}

TEST(RequestParser, limits_target_fields_and_head) {
  const head_limits limits{.head = 256, .target = 64, .fields = 3, .method = 8};
  const auto refused = [&](const std::string& bytes, int error) {
    const verdict v = parse(bytes, limits);
    EXPECT_EQ(v.outcome, parse_outcome::failed) << bytes;
    EXPECT_EQ(v.error, error) << bytes;
  };
  const auto accepted = [&](const std::string& bytes) {
    EXPECT_EQ(parse(bytes, limits).outcome, parse_outcome::complete) << bytes;
  };
  accepted(get_target('/' + std::string(63, 'x')));
  refused(get_target('/' + std::string(64, 'x')), 414);
  refused("GET /" + std::string(1000, 'x'), 414);
  accepted(get_with("a: 1\r\nb: 2\r\n"));
  refused(get_with("a: 1\r\nb: 2\r\nc: 3\r\n"), 431);
  const std::size_t others = get_with("a: \r\n").size();
  accepted(get_with("a: " + std::string(255 - others, 'x') + "\r\n"));
  refused(get_with("a: " + std::string(256 - others + 1, 'x') + "\r\n"), 431);
  refused(get_with("a: " + std::string(1000, 'x')), 431);
  refused(get_with(std::string(1000, 'x')), 431);
}

TEST(RequestParser, refuses_unknown_expectations_and_ignores_them_on_1_0) {
  expect_accepted(get_with("Expect: 100-continue\r\n"));
  expect_refused(get_with("Expect: 200-maybe\r\n"), 417);
  expect_refused(get_with("Expect: 100-continue, x\r\n"), 417);
  expect_accepted("GET / HTTP/1.0\r\nExpect: x\r\n\r\n");
}

TEST(RequestParser, gives_one_verdict_however_the_bytes_are_split) {
  std::mt19937 random{42};
  const std::string seeds[] = {
      get_with("Content-Length: 5\r\nConnection: close\r\n"), get_target("http://a:80/x?y=z"),
      "\r\nPOST /echo HTTP/1.0\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nX-Y: 1\r\n\r\n"};
  for (int round = 0; round < 4000; ++round) parse(spoilt(seeds[random() % std::size(seeds)], random));
}

TEST(RequestParser, starts_afresh_after_reset) {
  request_parser parser;
  request_head head;
  const std::string first = get_with("Content-Length: 5\r\nConnection: close\r\n");
  ASSERT_EQ(parser.parse(first, head), parse_outcome::complete);
  parser.reset();
  const std::string second = "GET /2 HTTP/1.0\r\n\r\n";
  ASSERT_EQ(parser.parse(second, head), parse_outcome::complete);
  EXPECT_EQ(summary(head), "GET /2? 1.0 form 0 host  length 0 bytes 19");
}

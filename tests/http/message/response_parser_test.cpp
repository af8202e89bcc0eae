#include <weft/http/message/response_parser.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "split_parse.hpp"

using weft::errc;
using weft::http::method;
using namespace weft::http::detail;

namespace {

constexpr std::size_t head_max = 4 << 10;

std::string summary(const response_head& head) {
  return "1." + std::to_string(head.minor_version) + ' ' + std::to_string(static_cast<int>(head.status)) +
         " (" + std::string{head.reason_text()} + ')' + fields_summary(head);
}

// The verdict, which must be the same whole, byte by byte, and in random pieces.
verdict parse(std::string_view bytes, std::size_t limit = head_max) {
  return parse_split(bytes, response_parser{limit}, summary);
}

std::string ok_with(std::string_view lines) { return "HTTP/1.1 200 OK\r\n" + std::string{lines} + "\r\n"; }
std::string line(std::string_view status_line) { return std::string{status_line} + "\r\n\r\n"; }

void expect_refused(const std::string& bytes, errc error = errc::protocol) {
  const verdict v = parse(bytes);
  EXPECT_EQ(v.outcome, parse_outcome::failed) << bytes;
  EXPECT_EQ(v.error, static_cast<int>(error)) << bytes;
}
void expect_accepted(const std::string& bytes) {
  const verdict v = parse(bytes);
  EXPECT_EQ(v.outcome, parse_outcome::complete) << bytes << v;
}

response_head head_of(std::string_view bytes) {
  response_parser parser{head_max};
  response_head head;
  EXPECT_EQ(parser.parse(bytes, head), parse_outcome::complete) << bytes;
  return head;
}

TEST(ResponseParser, takes_the_parts_apart) {
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nX:\t v w \t\r\nEmpty:\r\nContent-Length: 4\r\n\r\nBODY").what,
            "1.1 200 (OK) length 4 |X=v w| |Empty=| |Content-Length=4| bytes 57");
  EXPECT_EQ(parse("HTTP/1.0 404 Not \tFound\xff \r\nConnection: x, Keep-Alive\r\n\r\n").what,
            "1.0 404 (Not \tFound\xff ) length 0 keep |Connection=x, Keep-Alive| bytes 56");
  EXPECT_EQ(parse("HTTP/1.9 999 \r\nTransfer-Encoding: Chunked\r\nconnection: close\r\n\r\n").what,
            "1.1 999 () length 0 chunked close |Transfer-Encoding=Chunked| |connection=close| bytes 64");
}

TEST(ResponseParser, waits_for_the_end_of_the_head) {
  const std::string head = ok_with("A: b\r\n");
  for (std::size_t length = 0; length < head.size(); ++length)
    EXPECT_EQ(parse(head.substr(0, length)).outcome, parse_outcome::incomplete) << length;
  expect_accepted(head);
}

TEST(ResponseParser, wants_a_status_line_of_its_grammar) {
  for (const char* good :
       {"HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 100 a", "HTTP/1.1 599 \x80"})
    expect_accepted(line(good));
  for (const char* bad : {"",
                          " HTTP/1.1 200 OK",
                          "HTTP/1.1  200 OK",
                          "HTTP/1.1\t200 OK",
                          "HTTP/1.1 20 OK",
                          "HTTP/1.1 2000 OK",
                          "HTTP/1.1 099 OK",
                          "HTTP/1.1 000",
                          "HTTP/1.1 +20 OK",
                          "HTTP/1.1 2x0 OK",
                          "HTTP/1.1 200\tOK",
                          "HTTP/1.1 200OK",
                          "HTTP/1.1 200 O\x01K",
                          "HTTP/1.1 200 O\x7fK",
                          "HTTP/1.1 200 O\rK",
                          "HTTP/1.1 200 OK\n",
                          "HTTP/1.1",
                          "http/1.1 200 OK",
                          "HTTP/01.1 200 OK",
                          "HTTP/1 200 OK",
                          "HTTP/0.9 200 OK",
                          "ICY 200 OK",
                          "HTTP/1.10 200 OK",
                          "GET / HTTP/1.1",
                          "\r\nHTTP/1.1 200 OK"})
    expect_refused(line(bad));
  expect_refused("HTTP/1.1 200 OK\n\n");
  for (const char* later : {"HTTP/2.0 200 OK", "HTTP/9.9 200 OK"})
    expect_refused(line(later), errc::unsupported);
}

TEST(ResponseParser, refuses_doubtful_framing) {
  expect_accepted(ok_with("Content-Length: 005\r\n"));
  for (const char* value : {"+5", "-1", "0x5", "5 5", "", "5, 5", "5,6", "99999999999999999999", "5.0"})
    expect_refused(ok_with("Content-Length: " + std::string{value} + "\r\n"));
  expect_refused(ok_with("Content-Length: 5\r\nContent-Length: 5\r\n"));
  expect_refused(ok_with("Content_Length: 5\r\n"));
  for (const char* value : {"identity", "gzip", "chunked, chunked", "xchunked", "", "chunked;a", "chunked,"})
    expect_refused(ok_with("Transfer-Encoding: " + std::string{value} + "\r\n"));
  expect_refused(ok_with("Transfer-Encoding: gzip, chunked\r\n"), errc::unsupported);
  expect_refused(ok_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
  expect_refused(ok_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
  expect_refused(ok_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
  expect_refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(ResponseParser, refuses_doubtful_fields) {
  for (const char* bad : {"A : b\r\n", " A: b\r\n", ": b\r\n", "A\r\n", "A: b\r\n c\r\n", "A: b\r\n\tc\r\n",
                          "A: b\n", "A: b\rc\r\n", "A: \x01\r\n", "A\x80: b\r\n", "A B: c\r\n"})
    expect_refused(ok_with(bad));
  expect_refused(ok_with(std::string_view{"A: b\0c\r\n", 8}));
  expect_accepted(ok_with("Host: not, a host\r\nExpect: anything\r\n"));  // which mean nothing here
}

TEST(ResponseParser, limits_the_head_and_its_fields) {
  const std::size_t others = ok_with("a: \r\n").size();
  expect_accepted(ok_with("a: " + std::string(head_max - 1 - others, 'x') + "\r\n"));
  expect_refused(ok_with("a: " + std::string(head_max + 1 - others, 'x') + "\r\n"), errc::limit);
  expect_refused(ok_with(std::string(2 * head_max, 'x')), errc::limit);
  expect_refused("HTTP/1.1 200 " + std::string(2 * head_max, 'x'), errc::limit);
  std::string many;
  for (std::size_t i = 0; i < response_head::fields_capacity; ++i) many += "a: 1\r\n";
  expect_accepted(ok_with(many));
  expect_refused(ok_with(many + "a: 1\r\n"), errc::limit);
}

// Section 6.3 of RFC 9112, rule by rule.
TEST(ResponseParser, tells_what_ends_the_body) {
  const std::string both[] = {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"};
  for (const std::string& fields : both) {
    EXPECT_EQ(head_of(ok_with(fields)).ends_with(method::head), body_end::head);
    for (const char* code : {"100", "103", "199", "204", "304"})
      EXPECT_EQ(head_of("HTTP/1.1 " + std::string{code} + " \r\n" + fields + "\r\n").ends_with(method::get),
                body_end::head)
          << code;
  }
  EXPECT_EQ(head_of(ok_with(both[0])).ends_with(method::get), body_end::length);
  EXPECT_EQ(head_of(ok_with(both[1])).ends_with(method::post), body_end::last_chunk);
  EXPECT_EQ(head_of(ok_with("Content-Length: 0\r\n")).ends_with(method::get), body_end::head);
  EXPECT_EQ(head_of(ok_with("")).ends_with(method::get), body_end::close);
  EXPECT_EQ(head_of(line("HTTP/1.1 205 ")).ends_with(method::get), body_end::close);
}

TEST(ResponseParser, tells_whether_the_connection_goes_on) {
  const auto keeps = [](const char* version, std::string_view fields) {
    return head_of("HTTP/" + std::string{version} + " 200 OK\r\n" + std::string{fields} + "\r\n")
        .keeps_connection(method::get);
  };
  EXPECT_TRUE(keeps("1.1", "Content-Length: 1\r\n"));
  EXPECT_TRUE(keeps("1.1", "Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Content-Length: 1\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Content-Length: 1\r\nConnection: keep-alive, close\r\n"));
  EXPECT_FALSE(keeps("1.0", "Content-Length: 1\r\n"));
  EXPECT_TRUE(keeps("1.0", "Content-Length: 1\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(keeps("1.0", "Connection: keep-alive\r\n"));
}

TEST(ResponseParser, gives_one_verdict_however_the_bytes_are_split) {
  std::mt19937 random{42};
  const std::string seeds[] = {ok_with("Content-Length: 5\r\nConnection: close\r\n"),
                               line("HTTP/1.0 304 Not Modified"),
                               "HTTP/1.1 404\r\nDate: now\r\nTransfer-Encoding: chunked\r\nX-Y: 1\r\n\r\n"};
  for (int round = 0; round < 4000; ++round) parse(spoilt(seeds[random() % std::size(seeds)], random));
}

TEST(ResponseParser, starts_afresh_after_reset) {
  response_parser parser{head_max};
  response_head head;
  ASSERT_EQ(parser.parse(ok_with("Content-Length: 5\r\nConnection: close\r\n"), head),
            parse_outcome::complete);
  parser.reset();
  const std::string second = "HTTP/1.0 503 \r\n\r\n";
  ASSERT_EQ(parser.parse(second, head), parse_outcome::complete);
  EXPECT_EQ(summary(head), "1.0 503 () length 0 bytes 17");
}

}  // namespace

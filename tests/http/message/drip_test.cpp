// A head that drips in byte by byte costs linear work: counted in bytes, so that no clock is needed.
#include <weft/http/message/request_parser.hpp>

#include <gtest/gtest.h>

#include <string>

#include "counting_scan.hpp"

using namespace weft::http::detail;

namespace {

std::string long_head() {
  std::string head = "GET /" + std::string(4000, 'x') + " HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 50; ++i) head += "Field-" + std::to_string(i) + ": " + std::string(200, 'v') + "\r\n";
  return head + "\r\n";
}

std::size_t examined(const std::string& head, std::size_t step) {
  request_parser parser;
  request_head parsed;
  bytes_examined = 0;
  auto outcome = parse_outcome::incomplete;
  for (std::size_t given = step; outcome == parse_outcome::incomplete; given += step)
    outcome = parser.parse(std::string_view{head}.substr(0, given), parsed);
  EXPECT_EQ(outcome, parse_outcome::complete);
  return bytes_examined;
}

}  // namespace

TEST(RequestParserDrip, examines_every_byte_once) {
  const std::string head = long_head();
  const std::size_t whole = examined(head, head.size());
  EXPECT_GT(whole, head.size() * 9 / 10);  // the counters are linked
  EXPECT_LE(whole, head.size());
  EXPECT_LE(examined(head, 1), head.size() + 1);
  EXPECT_LE(examined(head, 7), head.size() + 1);
}

#include <weft/http/middleware/logger.hpp>

#include <gtest/gtest.h>

#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::request_text;

namespace {

std::vector<std::string> lines_of(log_format format, const std::string& bytes) {
  std::vector<std::string> lines;
  router r;
  r.use(logger{{.sink = [&](std::string_view line) { lines.emplace_back(line); }, .format = format}});
  r.get("/", [](request&, response& s) { s.text("hello"); });
  r.get("/fixed", precompiled{status::created, "text/plain", "1234567"});
  r.get("/throws", [](request&, response&) { throw std::runtime_error{"oops"}; });
  r.get("/late", [](request&, response&) -> weft::result<void> {
    return std::unexpected(weft::errc::deadline_exceeded);
  });
  r.get("/spoilt", [](request&, response& s) { s.header("x", "a\nb").text("some text"); });
  r.get("/empty", [](request&, response& s) { s.status(status::no_content).text("never sent"); });
  r.get("/fails", [](request&, response& s) -> weft::result<void> {
    s.text("some text that is not sent");
    return std::unexpected(status::conflict);
  });
  r.post("/body", [](request& q, response&) -> weft::result<void> {
    (void)WEFT_TRY(q.body());
    return {};
  });
  r.get("/cut", [](request&, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"abc"}));
    return std::unexpected(weft::errc::limit);
  });
  ask(std::move(r), bytes);
  return lines;
}

const std::string prefix = R"(- - - \[\d\d/[A-Z][a-z][a-z]/20\d\d:\d\d:\d\d:\d\d \+0000\])";

void expect_line(log_format format, const std::string& bytes, const std::string& expression) {
  const auto lines = lines_of(format, bytes);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(std::regex_match(lines[0], std::regex{expression})) << lines[0];
}

}  // namespace

TEST(Logger, writes_the_common_format) {
  expect_line(log_format::common, request_text("GET", "/?a=1"), prefix + R"( "GET /\?a=1 HTTP/1.1" 200 5)");
  expect_line(log_format::common, request_text("GET", "/fixed"), prefix + R"( "GET /fixed HTTP/1.1" 201 7)");
  expect_line(log_format::common, "GET / HTTP/1.0\r\n\r\n", prefix + R"( "GET / HTTP/1.0" 200 5)");
}

TEST(Logger, writes_the_combined_format_and_escapes_what_clients_choose) {
  expect_line(log_format::combined,
              request_text("GET", "/", "User-Agent: a\"b\\c\xe9\r\nReferer: http://r\r\n"),
              prefix + R"( "GET / HTTP/1.1" 200 5 "http://r" "a\\x22b\\x5cc\\xe9")");
  expect_line(log_format::combined, request_text("GET", "/"), prefix + R"( "GET / HTTP/1.1" 200 5 "-" "-")");
}

TEST(Logger, writes_json) {
  expect_line(log_format::json, request_text("GET", "/", "User-Agent: a\"b\\\r\n"),
              R"(\{"time":"20\d\d-[01]\d-[0-3]\dT\d\d:\d\d:\d\dZ","remote":"-","method":"GET","target":"/",)"
              R"("status":200,"bytes":5,"microseconds":\d+,"user_agent":"a\\u0022b\\u005c"\})");
}

TEST(Logger, knows_how_it_ended) {
  for (const auto& [target, code] :
       {std::pair{"/throws", "500"}, {"/late", "504"}, {"/nothing", "404"}, {"/cut", "200"}})
    expect_line(log_format::common, request_text("GET", target),
                ".*HTTP/1.1\" " + std::string{code} + R"( \d+)");
  expect_line(log_format::common, request_text("PUT", "/"), ".*\"PUT / HTTP/1.1\" 405 .*");
}

// What goes out counts, not what the handler had in mind.
TEST(Logger, counts_the_bytes_that_are_sent) {
  for (const auto& [bytes, end] : {std::pair{request_text("GET", "/nothing"), "404 10"},
                                   {request_text("HEAD", "/nothing"), "404 0"},
                                   {request_text("PUT", "/"), "405 19"},
                                   {request_text("GET", "/throws"), "500 22"},
                                   {request_text("GET", "/late"), "504 16"},
                                   {request_text("GET", "/spoilt"), "500 22"},
                                   {request_text("GET", "/fails"), "409 9"},
                                   {request_text("GET", "/empty"), "204 0"},
                                   {request_text("HEAD", "/"), "200 0"},
                                   {request_text("HEAD", "/fixed"), "201 0"},
                                   {request_text("GET", "/cut"), "200 3"},
                                   {std::string{"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                                "chunked\r\n\r\nz\r\n"},
                                    "400 12"}})
    expect_line(log_format::common, bytes, ".*HTTP/1.1\" " + std::string{end});
}

TEST(LoggerDeathTest, wants_a_sink) { EXPECT_DEATH(logger{{}}, "sink"); }

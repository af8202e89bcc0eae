#include <weft/http/message/status.hpp>

#include <gtest/gtest.h>

#include <weft/runtime/base/result.hpp>

namespace http = weft::http;
using http::status;

TEST(Status, is_an_error_code_of_its_own) {
  const weft::result<int> r = std::unexpected(status::not_found);
  EXPECT_EQ(r.error(), status::not_found);
  EXPECT_NE(r.error(), status::bad_request);
  EXPECT_STREQ(r.error().category().name(), "http");
  EXPECT_EQ(r.error().message(), "404 Not Found");
}

TEST(Status, has_a_phrase_for_every_code) {
  for (int code = 100; code < 600; ++code) {
    const std::string_view phrase = reason_phrase(static_cast<status>(code));
    EXPECT_EQ(phrase.find_first_of("\r\n"), phrase.npos);
  }
  EXPECT_EQ(reason_phrase(status::uri_too_long), "URI Too Long");
  EXPECT_EQ(reason_phrase(static_cast<status>(299)), "");
}

TEST(Status, answers_the_errors_of_handlers) {
  EXPECT_EQ(http::status_of(make_error_code(status::conflict)), status::conflict);
  EXPECT_EQ(http::status_of(make_error_code(weft::errc::deadline_exceeded)), status::gateway_timeout);
  EXPECT_EQ(http::status_of(make_error_code(weft::errc::limit)), status::service_unavailable);
  EXPECT_EQ(http::status_of(std::make_error_code(std::errc::io_error)), status::internal_server_error);
}

#include <weft/http/client/redirect.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/client/call_error.hpp>

using weft::http::call;
using weft::http::call_error;
using weft::http::status;
using namespace weft::http::detail;

namespace {

const url here = *url::parse("http://a.example/x/y");

call asked(std::string method) {
  return {.method = std::move(method),
          .url = here.text(),
          .headers = {{"Authorization", "secret"},
                      {"Content-Type", "text/plain"},
                      {"COOKIE", "a=b"},
                      {"Host", "alias"},
                      {"Accept", "*/*"}},
          .body = "body"};
}

std::string followed(const call& c, status s, std::string_view location) {
  const auto next = redirected(c, here, s, location);
  if (!next) return next.error().message();
  std::string line = next->method + ' ' + next->url + " (" + next->body + ')';
  for (const auto& [name, value] : next->headers) line += ' ' + name;
  return line;
}

TEST(Redirect, is_asked_for_by_five_statuses) {
  for (int code = 100; code < 600; ++code)
    EXPECT_EQ(is_redirect(static_cast<status>(code)),
              code == 301 || code == 302 || code == 303 || code == 307 || code == 308)
        << code;
}

TEST(Redirect, keeps_or_changes_the_method_as_its_status_says) {
  const struct {
    int code;
    const char* from;
    const char* to;
  } rows[] = {
      {301, "GET", "GET"}, {301, "HEAD", "HEAD"}, {301, "POST", "GET"},  {301, "PUT", "PUT"},
      {302, "GET", "GET"}, {302, "HEAD", "HEAD"}, {302, "POST", "GET"},  {302, "DELETE", "DELETE"},
      {303, "GET", "GET"}, {303, "HEAD", "HEAD"}, {303, "POST", "GET"},  {303, "PUT", "GET"},
      {307, "GET", "GET"}, {307, "HEAD", "HEAD"}, {307, "POST", "POST"}, {307, "PUT", "PUT"},
      {308, "GET", "GET"}, {308, "HEAD", "HEAD"}, {308, "POST", "POST"}, {308, "PATCH", "PATCH"},
  };
  for (const auto& [code, from, to] : rows) {
    const auto next = redirected(asked(from), here, static_cast<status>(code), "/z");
    ASSERT_TRUE(next);
    EXPECT_EQ(next->method, to) << code << ' ' << from;
    EXPECT_EQ(next->body, std::string_view{from} == to ? "body" : "") << code << ' ' << from;
  }
}

TEST(Redirect, takes_the_body_and_what_describes_it_away_together) {
  EXPECT_EQ(followed(asked("POST"), status::see_other, "z"),
            "GET http://a.example/x/z () Authorization COOKIE Host Accept");
  EXPECT_EQ(followed(asked("POST"), status::temporary_redirect, "z"),
            "POST http://a.example/x/z (body) Authorization Content-Type COOKIE Host Accept");
}

TEST(Redirect, tells_no_secret_to_another_origin) {
  for (const char* same : {"/z", "//a.example/z", "http://A.example/z", "http://a.example:80/z"})
    EXPECT_EQ(followed(asked("GET"), status::found, same),
              "GET http://a.example/z (body) Authorization Content-Type COOKIE Host Accept")
        << same;
  for (const char* other :
       {"http://b.example/z", "//b.example/z", "http://a.example:81/z", "http://x.a.example/z"})
    EXPECT_TRUE(followed(asked("GET"), status::found, other).ends_with(" (body) Content-Type Accept"))
        << other;
}

TEST(Redirect, leads_to_urls_only) {
  EXPECT_EQ(redirected(asked("GET"), here, status::found, "https://a/").error(),
            call_error::unsupported_scheme);
  EXPECT_EQ(redirected(asked("GET"), here, status::found, "/a b").error(), call_error::bad_url);
}

}  // namespace

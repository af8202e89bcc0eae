#include <weft/http/middleware/security_headers.hpp>

#include <gtest/gtest.h>

#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::field_of;
using weft::testing::request_text;

TEST(SecurityHeaders, go_with_every_response) {
  for (const char* target : {"/", "/nothing"}) {
    router r;
    r.use(security_headers{});
    r.get("/", precompiled{status::ok, "text/plain", "x"});
    const std::string answer = ask(std::move(r), request_text("GET", target));
    EXPECT_NE(answer.find("\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
                          "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n"
                          "Cross-Origin-Resource-Policy: same-origin\r\nContent-Type: "),
              answer.npos)
        << answer;
  }
}

TEST(SecurityHeaders, are_those_that_were_chosen) {
  router r;
  r.use(security_headers{{.frame_options = "",
                          .referrer_policy = "",
                          .cross_origin_opener_policy = "",
                          .cross_origin_resource_policy = "",
                          .content_security_policy = "default-src 'self'",
                          .strict_transport_security = "max-age=63072000",
                          .permissions_policy = "camera=()"}});
  r.get("/", precompiled{status::no_content, "", ""});
  EXPECT_EQ(ask(std::move(r), request_text("GET", "/")),
            "HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\n"
            "Content-Security-Policy: default-src 'self'\r\nStrict-Transport-Security: max-age=63072000\r\n"
            "Permissions-Policy: camera=()\r\n\r\n");
}

TEST(SecurityHeaders, give_way_to_what_is_said_further_in) {
  router r;
  r.use(security_headers{});
  r.get("/", [](request&, response& s) { s.header("x-frame-options", "SAMEORIGIN"); });
  r.get("/stream", [](request&, response& s) -> weft::result<void> {
    s.header("X-Frame-Options", "SAMEORIGIN");
    return s.write(std::string_view{"text"});
  });
  r.get("/fails", [](request&, response& s) -> weft::result<void> {
    s.header("X-Frame-Options", "SAMEORIGIN");
    return std::unexpected(status::conflict);
  });
  r.get("/throws", [](request&, response& s) {
    s.header("X-Frame-Options", "SAMEORIGIN");
    throw std::runtime_error{"oops"};
  });
  r.get("/spoilt", [](request&, response& s) { s.header("x", "a\nb"); });
  r.group("/group")
      .use(security_headers{{.frame_options = "SAMEORIGIN"}})
      .get("/stream", [](request&, response& s) { return s.write(std::string_view{"text"}); })
      .get("/", [](request&, response&) {});
  exchange_world world{std::move(r)};
  for (const auto& [target, policy] : {std::pair{"/", "SAMEORIGIN"},
                                       {"/stream", "SAMEORIGIN"},
                                       {"/fails", "DENY"},
                                       {"/throws", "DENY"},
                                       {"/spoilt", "DENY"},
                                       {"/group/", "SAMEORIGIN"},
                                       {"/group/stream", "SAMEORIGIN"}}) {
    const std::string answer = world.ask(request_text("GET", target));
    const std::regex line{"x-frame-options: ([a-z]+)", std::regex::icase};
    const auto first = std::sregex_iterator{answer.begin(), answer.end(), line};
    ASSERT_NE(first, std::sregex_iterator{}) << answer;
    EXPECT_EQ((*first)[1], policy) << answer;
    EXPECT_EQ(std::next(first), std::sregex_iterator{}) << answer;
    EXPECT_EQ(field_of(answer, "Referrer-Policy"), "no-referrer");
  }
}

// Middleware that stands around it, a cache for instance, must know what the response says.
TEST(SecurityHeaders, are_seen_by_middleware_around_them) {
  std::string seen;
  router r;
  r.use([&](request&, response& s, next n) -> weft::result<void> {
    auto outcome = n();
    seen = s.header("X-Frame-Options").value_or("none");
    return outcome;
  });
  r.use(security_headers{});
  r.get("/", [](request&, response&) {});
  ask(std::move(r), request_text("GET", "/"));
  EXPECT_EQ(seen, "DENY");
}

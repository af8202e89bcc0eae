#include <weft/http/middleware/security_headers.hpp>

#include <gtest/gtest.h>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
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

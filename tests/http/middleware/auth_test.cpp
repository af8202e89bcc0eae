#include <weft/http/middleware/auth.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/auth/constant_time.hpp>
#include <weft/http/middleware/basic_auth.hpp>
#include <weft/http/middleware/bearer_auth.hpp>
#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::field_of;
using weft::testing::request_text;

namespace {

std::string basic(const std::string& field) {
  router r;
  r.use(basic_auth{{.realm = "the shop", .users = {{"Aladdin", "open sesame"}, {"", ""}, {"a", "b:c"}}}});
  r.get("/", [](request& q, response& s) { s.text(basic_credentials(q)->user); });
  return ask(std::move(r), request_text("GET", "/", field));
}

std::string bearer(const std::string& field) {
  router r;
  r.use(bearer_auth{{.tokens = {"mF_9.B5f-4.1JqM", "other="}}});
  r.get("/", [](request& q, response& s) { s.text(*bearer_token(q)); });
  return ask(std::move(r), request_text("GET", "/", field));
}

}  // namespace

TEST(EqualsSecret, compares_like_any_other) {
  for (const std::string_view a : {"", "a", "ab", "abc", "abd", "bbc"})
    for (const std::string_view b : {"", "a", "ab", "abc", "abd", "bbc"})
      EXPECT_EQ(equals_secret(a, b), a == b) << a << ' ' << b;
}

TEST(BasicAuth, lets_in_who_knows_a_password) {
  EXPECT_EQ(body_in(basic("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n")), "Aladdin");
  EXPECT_EQ(body_in(basic("Authorization: bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n")), "Aladdin");
  EXPECT_EQ(body_in(basic("Authorization: Basic YTpiOmM=\r\n")), "a");  // a:b:c
  EXPECT_EQ(body_in(basic("Authorization: Basic Og==\r\n")), "");       // the empty user with no password
}

TEST(BasicAuth, asks_all_others) {
  for (const char* bad : {"", "Authorization: Basic\r\n", "Authorization: Basic \r\n",
                          "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ\r\n",
                          "Authorization: BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
                          "Authorization: Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
                          "Authorization: Basic QWxhZGRpbg==\r\n",          // no colon
                          "Authorization: Basic QWxhZGRpbjpi\r\n",          // Aladdin:b
                          "Authorization: Basic YTpvcGVuIHNlc2FtZQ==\r\n",  // a:open sesame
                          "Authorization: Basic YTpiOmMK\r\n"}) {           // a newline behind it
    const std::string answer = basic(bad);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << bad;
    EXPECT_EQ(field_of(answer, "WWW-Authenticate"), "Basic realm=\"the shop\", charset=\"UTF-8\"") << bad;
  }
}

TEST(BasicAuth, may_ask_a_function) {
  router r;
  r.use(basic_auth{{.check = [](const credentials& c) { return c.user == c.password; }}});
  r.get("/", [](request&, response& s) { s.text("in"); });
  EXPECT_EQ(body_in(ask(std::move(r), request_text("GET", "/", "Authorization: Basic YTph\r\n"))), "in");
}

TEST(BearerAuth, lets_in_who_has_a_token) {
  EXPECT_EQ(body_in(bearer("Authorization: Bearer mF_9.B5f-4.1JqM\r\n")), "mF_9.B5f-4.1JqM");
  EXPECT_EQ(body_in(bearer("authorization: BEARER other=\r\n")), "other=");
}

TEST(BearerAuth, says_whether_a_token_was_wrong_or_missing) {
  const std::string missing = "Bearer realm=\"restricted\"";
  EXPECT_EQ(field_of(bearer(""), "WWW-Authenticate"), missing);
  EXPECT_EQ(field_of(bearer("Authorization: Basic YTph\r\n"), "WWW-Authenticate"), missing);
  EXPECT_EQ(field_of(bearer("Authorization: Bearer =\r\n"), "WWW-Authenticate"), missing);
  EXPECT_EQ(field_of(bearer("Authorization: Bearer a b\r\n"), "WWW-Authenticate"), missing);
  const std::string wrong = bearer("Authorization: Bearer mF_9.B5f-4.1Jq\r\n");
  EXPECT_TRUE(wrong.starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(field_of(wrong, "WWW-Authenticate"), missing + ", error=\"invalid_token\"");
}

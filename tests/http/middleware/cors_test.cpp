#include <weft/http/middleware/cors.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::field_of;
using weft::testing::request_text;

namespace {

router routes(cors_options options) {
  router r;
  r.use(cors{std::move(options)});
  r.put("/", [](request&, response& s) { s.text("put"); });
  r.get("/fails", [](request&, response&) -> weft::result<void> { return std::unexpected(status::gone); });
  return r;
}

cors_options one_site() {
  return {.origins = {"https://a.example"},
          .methods = {"GET", "PUT"},
          .request_headers = {"X-A", "X-B"},
          .exposed_headers = {"X-C"},
          .credentials = true,
          .max_age = std::chrono::seconds{60}};
}

std::string preflight(cors_options options, const std::string& origin, const std::string& target = "/") {
  return ask(
      routes(std::move(options)),
      request_text("OPTIONS", target, "Origin: " + origin + "\r\nAccess-Control-Request-Method: PUT\r\n"));
}

}  // namespace

TEST(Cors, answers_the_preflights_of_the_origins_it_knows) {
  EXPECT_EQ(preflight(one_site(), "https://a.example"),
            "HTTP/1.1 204 No Content\r\n"
            "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
            "Access-Control-Allow-Origin: https://a.example\r\nAccess-Control-Allow-Credentials: true\r\n"
            "Access-Control-Allow-Methods: GET, PUT\r\nAccess-Control-Allow-Headers: X-A, X-B\r\n"
            "Access-Control-Max-Age: 60\r\n\r\n");
  for (const char* other :
       {"https://b.example", "https://a.example.b.example", "http://a.example", "null", "*"}) {
    const std::string refused = preflight(one_site(), other);
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 403 ")) << other;
    EXPECT_EQ(field_of(refused, "Access-Control-Allow-Origin"), "none") << other;
  }
}

TEST(Cors, lets_all_origins_in_by_default) {
  const std::string answer = preflight({}, "https://b.example");
  EXPECT_EQ(field_of(answer, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(field_of(answer, "Access-Control-Allow-Credentials"), "none");
  EXPECT_EQ(field_of(answer, "Access-Control-Allow-Methods"), "GET, HEAD, POST, PUT, PATCH, DELETE");
}

TEST(Cors, tells_scripts_what_they_may_read) {
  const std::string answer =
      ask(routes(one_site()), request_text("PUT", "/", "Origin: https://a.example\r\n"));
  EXPECT_EQ(body_in(answer), "put");
  EXPECT_EQ(field_of(answer, "Vary"), "Origin");
  EXPECT_EQ(field_of(answer, "Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(field_of(answer, "Access-Control-Expose-Headers"), "X-C");
  EXPECT_EQ(field_of(answer, "Access-Control-Allow-Methods"), "none");
}

// What another origin sent is served: it is its script that does not get to see the answer.
TEST(Cors, serves_others_without_a_word) {
  for (const char* field : {"", "Origin: https://b.example\r\n"}) {
    const std::string answer = ask(routes(one_site()), request_text("PUT", "/", field));
    EXPECT_EQ(body_in(answer), "put");
    EXPECT_EQ(field_of(answer, "Vary"), "Origin");
    EXPECT_EQ(answer.find("Access-Control"), answer.npos);
  }
}

TEST(Cors, lets_scripts_read_errors) {
  const std::string field = "Origin: https://a.example\r\n";
  for (const auto& [target, code] : {std::pair{"/fails", "410"}, {"/nothing", "404"}, {"/", "405"}}) {
    const std::string answer = ask(routes(one_site()), request_text("GET", target, field));
    EXPECT_EQ(answer.substr(9, 3), code);
    EXPECT_EQ(field_of(answer, "Access-Control-Allow-Origin"), "https://a.example") << target;
  }
}

TEST(Cors, leaves_plain_options_alone) {
  const std::string answer =
      ask(routes(one_site()), request_text("OPTIONS", "/", "Origin: https://a.example\r\n"));
  EXPECT_EQ(field_of(answer, "Allow"), "PUT, OPTIONS");
}

TEST(CorsDeathTest, refuses_credentials_for_all) { EXPECT_DEATH(cors({.credentials = true}), "name those"); }

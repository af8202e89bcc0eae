#include <weft/http/middleware/request_id.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::field_of;
using weft::testing::request_text;

namespace {

std::string asked(request_id_options options, const std::string& fields = "") {
  router r;
  r.use(request_id{std::move(options)});
  r.get("/", [](request&, response& s) { s.text(std::string{s.header("x-request-id").value_or("none")}); });
  return ask(std::move(r), request_text("GET", "/", fields));
}

}  // namespace

TEST(RequestId, tells_client_and_handler) {
  const std::string answer = asked({});
  EXPECT_EQ(field_of(answer, "X-Request-Id"), body_in(answer));
  EXPECT_EQ(body_in(answer).size(), 16u);
  EXPECT_EQ(body_in(answer).find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(RequestId, is_another_one_each_time) {
  std::set<std::string> seen;
  detail::unique_ids ids;
  for (int i = 0; i < 10'000; ++i) seen.emplace(ids.take().text());
  EXPECT_EQ(seen.size(), 10'000u);
  EXPECT_NE(body_in(asked({})), body_in(asked({})));
}

TEST(RequestId, takes_over_only_what_it_may) {
  EXPECT_EQ(body_in(asked({.accept = true}, "X-Request-ID: a-B_9.c\r\n")), "a-B_9.c");
  EXPECT_NE(body_in(asked({}, "X-Request-ID: a-B_9.c\r\n")), "a-B_9.c");
  for (const std::string bad : {"a b", "a\"", "", "a,b"})
    EXPECT_EQ(body_in(asked({.accept = true}, "X-Request-ID: " + bad + "\r\n")).size(), 16u) << bad;
  EXPECT_EQ(body_in(asked({.accept = true}, "X-Request-ID: " + std::string(64, 'a') + "\r\n")).size(), 64u);
  EXPECT_EQ(body_in(asked({.accept = true}, "X-Request-ID: " + std::string(65, 'a') + "\r\n")).size(), 16u);
}

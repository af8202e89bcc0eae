#include <weft/http/middleware/timeout.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/response.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "ask.hpp"

using namespace weft::http;
using namespace std::chrono_literals;
using weft::testing::ask;
using weft::testing::body_in;
using weft::testing::request_text;

namespace {

std::string asked(std::chrono::nanoseconds limit) {
  router r;
  r.use(timeout{{.limit = limit}});
  r.get("/waits", [](request&, response&) { return weft::this_fiber::sleep_for(60s); });
  return weft::run([&] { return ask(std::move(r), request_text("GET", "/waits")); });
}

}  // namespace

TEST(Timeout, ends_what_waits_with_504) {
  const std::string answers = asked(10ms);
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 504 Gateway Timeout\r\n")) << answers;
}

TEST(Timeout, is_over_when_the_handler_is) {
  router r;
  r.use([](request&, response& s, next n) -> weft::result<void> {
    WEFT_TRY(n());
    s.header("Late", weft::this_fiber::sleep_for(1ms) ? "slept" : "woken");
    return {};
  });
  r.use(timeout{{.limit = 1h}});
  r.use(timeout{{.limit = -1ns}});
  r.get("/", [](request&, response& s) { s.text(weft::this_fiber::sleep_for(1ms) ? "slept" : "woken"); });
  const std::string answer = weft::run([&] { return ask(std::move(r), request_text("GET", "/")); });
  EXPECT_EQ(body_in(answer), "woken");
  EXPECT_EQ(weft::testing::field_of(answer, "Late"), "slept");
}

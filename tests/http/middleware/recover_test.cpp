#include <weft/http/middleware/recover.hpp>

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/http/response.hpp>

#include "ask.hpp"

using namespace weft::http;
using weft::testing::ask;
using weft::testing::field_of;
using weft::testing::reported;
using weft::testing::request_text;

namespace {

std::vector<std::string> heard;

router routes() {
  heard.clear();
  router r;
  r.use(recover{{.sink = [](std::string_view report) { heard.emplace_back(report); }}});
  r.get("/throws", [](request&, response& s) {
    s.header("Own", "1").text("half");
    throw std::runtime_error{"the secret of the database"};
  });
  r.get("/odd", [](request&, response&) { throw 1; });
  r.get("/starves", [](request&, response&) { throw std::bad_alloc{}; });
  r.get("/late", [](request&, response& s) -> weft::result<void> {
    WEFT_TRY(s.write(std::string_view{"abc"}));
    throw std::runtime_error{"too late"};
  });
  r.get("/fine", [](request&, response& s) { s.text("fine"); });
  return r;
}

}  // namespace

TEST(Recover, answers_500_with_the_id_that_it_reports) {
  const std::string answer = ask(routes(), request_text("GET", "/throws?x"));
  const std::string id = field_of(answer, "X-Error-Id");
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(answer, "HTTP/1.1 500 Internal Server Error\r\nX-Error-Id: " + id +
                        "\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\nInternal Server Error\n");
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0], "http: GET /throws: the secret of the database (error " + id + ")");
  EXPECT_TRUE(reported.empty());  // not twice
}

TEST(Recover, gives_each_its_own_id) {
  const std::string answers = ask(routes(), request_text("GET", "/odd") + request_text("GET", "/odd"));
  const std::string first = field_of(answers, "X-Error-Id");
  EXPECT_NE(field_of(answers.substr(answers.rfind("HTTP/1.1 ")), "X-Error-Id"), first);
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0], "http: GET /odd: an exception that is no std::exception (error " + first + ")");
}

TEST(Recover, leaves_the_rest_alone) {
  EXPECT_TRUE(ask(routes(), request_text("GET", "/starves")).starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(ask(routes(), request_text("GET", "/fine")).ends_with("\r\n\r\nfine"));
  EXPECT_TRUE(heard.empty());
}

TEST(Recover, cuts_a_stream_that_has_begun) {
  const std::string answer = ask(routes(), request_text("GET", "/late") + request_text("GET", "/fine"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n3\r\nabc\r\n")) << answer;
  EXPECT_EQ(heard.size(), 1u);
}

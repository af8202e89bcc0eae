// JSON bodies, where nlohmann-json is installed.
#include <weft/http/json.hpp>

#include <gtest/gtest.h>

#include <string>

#include "exchange_world.hpp"

using namespace weft::http;

namespace {

// What a handler that adds a member answers: its status and its body.
std::string answered(const std::string& body, std::string_view type = "application/json") {
  static exchange_world world{[] {
    router r;
    r.post("/", [](request& q, response& s) -> weft::result<void> {
      nlohmann::json document = WEFT_TRY(read_json(q));
      write_json(s, {{"got", document}});
      return {};
    });
    return r;
  }()};
  const std::string text = world.ask(post("/", body, "Content-Type: " + std::string{type} + "\r\n"));
  if (!text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")) return text.substr(9, 3);
  return text.substr(text.find("\r\n\r\n") + 4);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST(Json, is_read_and_written) {
  EXPECT_EQ(answered(R"({"a": [1, 2.5, "x\u00e9", null, true]})"),
            "{\"got\":{\"a\":[1,2.5,\"x\xc3\xa9\",null,true]}}");
  EXPECT_EQ(answered("7", "Application/JSON; charset=utf-8"), R"({"got":7})");
  EXPECT_EQ(answered("7", "application/problem+json"), R"({"got":7})");
}

TEST(Json, refuses_all_else) {
  for (const char* bad :
       {"", "{", "[1,]", "{\"a\":1,}", "nul", "1 2", "'a'", "\"\xff\"", "// x\n1", "NaN", "\"\x01\""})
    EXPECT_EQ(answered(bad), "400") << bad;
  for (const char* type : {"text/plain", "application/jsonx", "+json", ""})
    EXPECT_EQ(answered("1", type), "415") << type;
}

TEST(Json, refuses_depth_that_a_fiber_cannot_follow) {
  EXPECT_NE(answered(nested(64)), "400");
  EXPECT_EQ(answered(nested(65)), "400");
  EXPECT_EQ(answered(nested(100'000)), "400");
  EXPECT_EQ(answered("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\""),
            R"({"got":")" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"}");
  std::string wide = "[";
  for (int i = 0; i < 200; ++i) wide += "[],{},";
  EXPECT_NE(answered(wide + "0]"), "400");
}

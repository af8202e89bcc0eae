#include <weft/http/auth/json_reader.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace weft::http::detail;

namespace {

// "name=value name=value"; "none".
std::string members_of(std::string_view text) {
  const auto all = read_json_object(text);
  if (!all) return "none";
  std::string joined;
  for (const auto& [name, value] : *all)
    joined += (joined.empty() ? "" : " ") + name + '=' + std::string{value};
  return joined;
}

}  // namespace

TEST(JsonReader, takes_objects_apart) {
  for (const auto& [text, members] : {std::pair{"{}", ""},
                                      {" { } ", ""},
                                      {R"({"a":1})", "a=1"},
                                      {"\t{\r\n\"a\" : \"b\" , \"c\":[1, {\"d\":[]}],\"e\":{\"f\":null}}",
                                       R"(a="b" c=[1, {"d":[]}] e={"f":null})"},
                                      {R"({"a\u0062":true,"":false})", "ab=true =false"},
                                      {R"({"a":"}"})", R"(a="}")"}})
    EXPECT_EQ(members_of(text), members) << text;
}

TEST(JsonReader, refuses_what_is_no_object) {
  for (const char* bad : {"",
                          "[]",
                          "1",
                          "{",
                          "}",
                          "{}x",
                          "{} {}",
                          "{,}",
                          R"({"a"})",
                          R"({"a":})",
                          R"({"a":1,})",
                          R"({a:1})",
                          R"({"a":1 "b":2})",
                          R"({"a":01})",
                          R"({"a":+1})",
                          R"({"a":.5})",
                          R"({"a":1.})",
                          R"({"a":1e})",
                          R"({"a":-})",
                          R"({"a":1e999})",
                          R"({"a":nan})",
                          R"({"a":tru})",
                          R"({"a":truely})",
                          R"({'a':1})",
                          R"({"a":"b)",
                          R"({"a":"\x"})",
                          R"({"a":"\u12"})",
                          R"({"a":"\ud800"})",
                          R"({"a":"\udc00"})",
                          R"({"a":"\ud800\u0041"})",
                          "{\"a\":\"\n\"}",
                          R"({"a":[1,]})",
                          R"({"a":[1})",
                          R"({"a":1,"a":1})",
                          R"({"a":1,"\u0061":1})",
                          R"({"a":{"b":1,"b":2}})",
                          "\xef\xbb\xbf{}"})
    EXPECT_EQ(members_of(bad), "none") << bad;
}

TEST(JsonReader, goes_only_so_deep) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + '}';
  };
  EXPECT_NE(members_of(nested(16)), "none");
  EXPECT_EQ(members_of(nested(17)), "none");
  EXPECT_EQ(members_of(nested(100'000)), "none");
}

TEST(JsonReader, takes_only_so_many_members) {
  const auto wide = [](int count) {
    std::string text = "{\"0\":0";
    for (int i = 1; i < count; ++i) text += ",\"" + std::to_string(i) + "\":0";
    return text + '}';
  };
  EXPECT_NE(members_of(wide(100)), "none");
  EXPECT_EQ(members_of(wide(101)), "none");
}

TEST(JsonReader, reads_strings) {
  EXPECT_EQ(read_json_string(R"("a\"\\\/\b\f\n\r\tb")"), "a\"\\/\b\f\n\r\tb");
  EXPECT_EQ(read_json_string(R"("\u0041\u00e9\u20ac\ud83d\uDE00")"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(read_json_string("\"\xc3\xa9\""), "\xc3\xa9");
  EXPECT_FALSE(read_json_string("1"));
  EXPECT_FALSE(read_json_string("\"a\"b"));
}

TEST(JsonReader, reads_numbers) {
  EXPECT_EQ(read_json_number("1300819380"), 1300819380.0);
  EXPECT_EQ(read_json_number(" -0.5e2 "), -50.0);
  EXPECT_FALSE(read_json_number("\"1\""));
  EXPECT_FALSE(read_json_number("1 2"));
  EXPECT_FALSE(read_json_number(""));
}

TEST(JsonReader, reads_lists_of_strings) {
  using list = std::vector<std::string>;
  EXPECT_EQ(read_json_strings("[]"), list{});
  EXPECT_EQ(read_json_strings(R"( [ "a" , "b" ] )"), (list{"a", "b"}));
  for (const char* bad : {"\"a\"", "[1]", "[\"a\",1]", "[\"a\"", "[\"a\",]", "[]x"})
    EXPECT_FALSE(read_json_strings(bad)) << bad;
}

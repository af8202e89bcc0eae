#include <weft/http/message/parameters.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace weft::http::detail;

namespace {

// The value of `name` in brackets, "absent" or "malformed".
std::string found(std::string_view text, std::string_view name) {
  std::string value = "untouched";
  switch (find_parameter(text, name, value)) {
    case parameter::found: return '[' + value + ']';
    case parameter::malformed: return "malformed";
    case parameter::absent: break;
  }
  EXPECT_EQ(value, "untouched");
  return "absent";
}

}  // namespace

TEST(Parameters, are_found_by_name) {
  const std::string_view text = "form-data; name=\"a b\"; FileName=x.txt;empty=\"\"";
  EXPECT_EQ(value_without_parameters(text), "form-data");
  EXPECT_EQ(value_without_parameters(" a/b "), "a/b");
  EXPECT_EQ(found(text, "name"), "[a b]");
  EXPECT_EQ(found(text, "filename"), "[x.txt]");
  EXPECT_EQ(found(text, "empty"), "[]");
  EXPECT_EQ(found(text, "form-data"), "absent");
  EXPECT_EQ(found("a", "a"), "absent");
  EXPECT_EQ(found("", "a"), "absent");
  EXPECT_EQ(found("x ; ; a=b ;", "a"), "[b]");
}

TEST(Parameters, unquote_quotes_and_keep_other_backslashes) {
  EXPECT_EQ(found(R"(x; a="b\"c")", "a"), R"([b"c])");
  EXPECT_EQ(found(R"(x; a="b\\c")", "a"), R"([b\c])");
  EXPECT_EQ(found(R"(x; a="C:\dir\b.txt")", "a"), R"([C:\dir\b.txt])");
  EXPECT_EQ(found("x; a=\"b; c=d\"; c=e", "c"), "[e]");
  EXPECT_EQ(found("x; a=\"\xc3\xa9\"", "a"), "[\xc3\xa9]");
}

TEST(Parameters, are_malformed_where_nobody_can_tell_what_they_say) {
  for (const char* text : {"x; a", "x; a=", "x; a=b; a=c", "x; =b", "x; a=\"b", "x; a=\"b\\\"", "x; a=b c",
                           "x; a=\"b\"c", "x; a =b", "x; a= b", "x; a=(b)", "x; \"a\"=b", "x; a=b, c"})
    EXPECT_EQ(found(text, "a"), "malformed") << text;
}

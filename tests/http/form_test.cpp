#include <weft/http/form.hpp>

#include <gtest/gtest.h>

#include <string>

#include <weft/http/message/status.hpp>

using namespace weft::http;

namespace {

// All names and values; the error's name if there is one.
std::string told(std::string_view text, std::size_t fields_max = 1000) {
  const auto f = form::parse(text, fields_max);
  if (!f) return f.error().message();
  std::string all;
  for (const auto& [name, value] : f->fields())
    all.append("[").append(name).append("=").append(value).append("]");
  return all;
}

}  // namespace

TEST(Form, decodes_names_and_values) {
  EXPECT_EQ(told("a=1&b=2"), "[a=1][b=2]");
  EXPECT_EQ(told("a=x+y%20z&%C3%A9=%3d%26"), "[a=x y z][\xc3\xa9==&]");
  EXPECT_EQ(told("a&b=&=c&d==e"), "[a=][b=][=c][d==e]");
  EXPECT_EQ(told(""), "");
  EXPECT_EQ(told("&&a=1&&"), "[a=1]");
  EXPECT_EQ(told("a=%2B+%2b"), "[a=+ +]");
}

TEST(Form, finds_one_and_all_values_of_a_name) {
  const auto f = form::parse("a=1&b=2&a=3");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->field("a"), "1");
  EXPECT_EQ(f->field("A"), std::nullopt);
  std::string all;
  for (const std::string_view value : f->fields("a")) all += value;
  EXPECT_EQ(all, "13");
}

TEST(Form, refuses_what_cannot_be_decoded_and_too_many_fields) {
  const std::string bad = make_error_code(status::bad_request).message();
  for (const char* text : {"a=%", "a=%2", "a=%zz", "%zz=a", "a=%00", "a=1&b=%g0"})
    EXPECT_EQ(told(text), bad) << text;
  EXPECT_EQ(told("a&b&c", 3), "[a=][b=][c=]");
  EXPECT_EQ(told("a&b&c&d", 3), make_error_code(status::content_too_large).message());
}

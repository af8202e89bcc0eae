// json_writer: what it writes is JSON, in UTF-8, whatever the strings are, and reads back as what was said.
#include <weft/runtime/base/json_writer.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weft::detail {
namespace {

std::string written(std::string_view text) {
  std::string to;
  append_json_string(to, text);
  return to;
}

TEST(JsonWriter, puts_commas_where_they_belong) {
  std::string text;
  json_writer out{text};
  out.begin_object().key("a").begin_array().value(1).value(-2).begin_object().end_object().end_array();
  out.key("b").value(true).key("c").value("x").key("d").begin_array().end_array().end_object();
  EXPECT_EQ(text, R"({"a":[1,-2,{}],"b":true,"c":"x","d":[]})");
}

TEST(JsonWriter, writes_numbers_that_read_back_the_same) {
  std::string text;
  json_writer out{text};
  out.begin_array().value(UINT64_MAX).value(INT64_MIN).value(0.1).value(1e300).value(std::nan(""));
  out.value(std::numeric_limits<double>::infinity()).end_array();
  const auto read = nlohmann::json::parse(text);
  EXPECT_EQ(read[0].get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(read[1].get<std::int64_t>(), INT64_MIN);
  EXPECT_EQ(read[2].get<double>(), 0.1);
  EXPECT_EQ(read[3].get<double>(), 1e300);
  EXPECT_TRUE(read[4].is_null());
  EXPECT_TRUE(read[5].is_null());
}

TEST(JsonWriter, escapes_what_must_be) {
  EXPECT_EQ(written("a\"b\\c\n\r\t\x01\x1f\x7f/"), R"("a\"b\\c\n\r\t\u0001\u001f\u007f/")");
  EXPECT_EQ(written(std::string_view{"\0", 1}), R"("\u0000")");
  EXPECT_EQ(written("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
}

TEST(JsonWriter, replaces_what_is_no_utf_8) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(written("a\x80z"), "\"a" + r + "z\"");
  EXPECT_EQ(written("\xc0\xaf"), "\"" + r + r + "\"") << "overlong";
  EXPECT_EQ(written("\xe2\x82"), "\"" + r + "\"") << "cut off: one maximal part";
  EXPECT_EQ(written("\xe2\x82x"), "\"" + r + "x\"");
  EXPECT_EQ(written("\xed\xa0\x80"), "\"" + r + r + r + "\"") << "a surrogate";
  EXPECT_EQ(written("\xf4\x90\x80\x80"), "\"" + r + r + r + r + "\"") << "beyond U+10FFFF";
  EXPECT_EQ(written("\xf0\x9f\x98"), "\"" + r + "\"");
}

TEST(JsonWriter, writes_any_bytes_as_json_as_another_one_reads_them) {
  std::mt19937_64 random{7};
  constexpr unsigned char edges[] = {0x00, 0x1f, '"',  '\\', 0x7f, 0x80, 0xbf, 0xc1, 0xc2,
                                     0xe0, 0xed, 0xa0, 0x9f, 0xef, 0xf0, 0xf4, 0x90, 0xff};
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 9, '\0');
    for (char& c : text)
      c = static_cast<char>(random() % 2 == 0 ? edges[random() % sizeof edges] : random() % 256);
    const auto read = nlohmann::json::parse(written(text), nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(read.is_string());
    // What is valid comes back as it is; nlohmann says which, by refusing to write the rest.
    const std::string strict =
        nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
    if (nlohmann::json::parse(strict).get<std::string>() == text) {
      ASSERT_EQ(read.get<std::string>(), text);
    } else {
      ASSERT_NE(read.get<std::string>().find("\xef\xbf\xbd"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace weft::detail

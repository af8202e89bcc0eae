#include <weft/http/message/date_parser.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

#include <weft/http/message/date.hpp>

namespace {

using weft::http::detail::parse_date;

constexpr std::int64_t in_2026 = 1'780'000'000;  // May 2026

std::int64_t parsed(std::string_view text, std::int64_t now = in_2026) {
  return parse_date(text, now).value_or(-1);
}

}  // namespace

TEST(DateParser, knows_the_three_forms_of_the_rfc) {
  EXPECT_EQ(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parsed("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parsed("Wed Nov 16 08:49:37 1994"), 784975777);
}

TEST(DateParser, reads_what_the_server_writes) {
  std::mt19937_64 random{1};
  std::uniform_int_distribution<std::int64_t> seconds{0, 253402300799};
  for (int i = 0; i < 5'000; ++i) {
    const std::int64_t s = seconds(random);
    std::string text(weft::http::detail::date_length, '\0');
    weft::http::detail::format_date(s, text.data());
    ASSERT_EQ(parsed(text), s) << text;
  }
}

TEST(DateParser, places_years_of_two_digits_within_fifty_years) {
  EXPECT_EQ(parsed("Friday, 01-Jan-27 00:00:00 GMT"), 1798761600);                 // next year
  EXPECT_EQ(parsed("Wednesday, 01-Jan-76 00:00:00 GMT"), 3345062400);              // 2076: fifty ahead
  EXPECT_EQ(parsed("Saturday, 01-Jan-77 00:00:00 GMT"), 220924800);                // 1977: not 51 ahead
  EXPECT_EQ(parsed("Sunday, 06-Nov-94 08:49:37 GMT", 4'070'908'800), 3939871777);  // from 2099: 2094
  EXPECT_EQ(parsed("Friday, 01-Jan-10 00:00:00 GMT", 4'070'908'800), 4417977600);  // from 2099: 2110
}

TEST(DateParser, counts_a_leap_second_as_the_next_one) {
  EXPECT_EQ(parsed("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

TEST(DateParser, refuses_what_is_no_date) {
  for (const char* text : {"",
                           "0",
                           "784111777",
                           "Sun",
                           "Sun,",
                           "Sun ",
                           "Sun, 06 Nov 1994",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           " Sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Tue, 29 Feb 2023 00:00:00 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sun, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 94",
                           "Sun Nov 06  08:49:37 1994",
                           "Sun, 06 Nov 1994 0a:49:37 GMT",
                           "Xyz, 06 Nov 1994 08:49:37 GMT"})
    EXPECT_EQ(parse_date(text, in_2026), std::nullopt) << text;
}

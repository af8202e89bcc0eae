#include <weft/http/client/cookie_date.hpp>

#include <gtest/gtest.h>

#include <chrono>

using weft::http::detail::parse_cookie_date;
using namespace std::chrono;

namespace {

constexpr std::int64_t at(year_month_day day, seconds time) {
  return (sys_days{day}.time_since_epoch() + time).count();
}

constexpr std::int64_t wedding = at(1994y / November / 6, 8h + 49min + 37s);

}  // namespace

// Cases of RFC 6265, section 5.1.1, and of what browsers are known to meet.
TEST(CookieDate, takes_what_servers_write) {
  for (const std::string_view text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "6 Nov 1994 8:49:37", "1994 nov 6 08:49:37 UTC", "Nov 6 94 08:49:37", "08:49:37 6 November 1994",
        "06-NOVEMBRE-1994 08:49:37", ",,;; 6/Nov/1994 08:49:37", "6th Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37x GMT"})
    EXPECT_EQ(parse_cookie_date(text), wedding) << text;
  EXPECT_EQ(parse_cookie_date("1 Jan 69 0:0:0"), at(2069y / January / 1, 0s));
  EXPECT_EQ(parse_cookie_date("1 Jan 70 0:0:0"), 0);
  EXPECT_EQ(parse_cookie_date("29 Feb 2024 23:59:59"), at(2024y / February / 29, 24h - 1s));
}

TEST(CookieDate, knows_what_is_none) {
  for (const std::string_view text :
       {"", "tomorrow", "Sun, 06 Nov 1994", "06 Nov 08:49:37", "Nov 1994 08:49:37", "06 1994 08:49:37",
        "32 Jan 1994 08:49:37", "29 Feb 2023 08:49:37", "06 Nov 1600 08:49:37", "06 Nov 1994 24:00:00",
        "06 Nov 1994 08:60:00", "06 Nov 1994 08:49:60", "06 Nov 1994 08:49", "06 Nov 1994 008:49:37",
        "06 Nov 19941 08:49:37", "06 Nov 1 08:49:37", "00 Nov 1994 08:49:37"})
    EXPECT_EQ(parse_cookie_date(text), std::nullopt) << text;
}

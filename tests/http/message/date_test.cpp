#include <weft/http/message/date.hpp>

#include <gtest/gtest.h>

#include <ctime>
#include <random>
#include <string>

namespace {

using weft::http::detail::date_cache;
using weft::http::detail::date_length;

std::string formatted(std::int64_t seconds) {
  std::string text(date_length, '\0');
  weft::http::detail::format_date(seconds, text.data());
  return text;
}

std::string by_libc(std::int64_t seconds) {
  const std::time_t t = seconds;
  std::tm parts{};
  ::gmtime_r(&t, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

TEST(Date, is_the_example_of_the_rfc) {
  EXPECT_EQ(formatted(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(formatted(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(formatted(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(formatted(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(Date, agrees_with_libc) {
  std::mt19937_64 random{1};
  std::uniform_int_distribution<std::int64_t> seconds{0, 253402300799};
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t s = seconds(random);
    ASSERT_EQ(formatted(s), by_libc(s)) << s;
  }
}

TEST(DateCache, follows_the_second) {
  date_cache cache;
  EXPECT_EQ(std::string_view(cache.refresh(784111777), date_length), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.text(), "Sun, 06 Nov 1994 08:49:37 GMT");
  const char* const at = cache.text().data();
  EXPECT_EQ(cache.refresh(784111778), at);
  EXPECT_EQ(cache.text(), "Sun, 06 Nov 1994 08:49:38 GMT");
}

#include <weft/http/message/date_parser.hpp>

#include <chrono>
#include <cstddef>
#include <span>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

using namespace std::chrono;

constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view long_weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

// What is left of the text, and whether all of it was as expected so far.
struct cursor {
  std::string_view rest;
  bool good = true;

  void literal(std::string_view text) noexcept {
    good = good && rest.starts_with(text);
    if (good) rest.remove_prefix(text.size());
  }

  unsigned digits(std::size_t count) noexcept {
    unsigned value = 0;
    for (; good && count != 0; --count) {
      good = !rest.empty() && is_digit(rest.front());
      if (!good) break;
      value = value * 10 + static_cast<unsigned>(rest.front() - '0');
      rest.remove_prefix(1);
    }
    return value;
  }

  // Which of the names stands here. Of names of which one begins another, the longer one comes first.
  unsigned name(std::span<const std::string_view> names) noexcept {
    for (unsigned i = 0; good && i < names.size(); ++i) {
      if (!rest.starts_with(names[i])) continue;
      rest.remove_prefix(names[i].size());
      return i;
    }
    good = false;
    return 0;
  }
};

struct parts {
  int year = 0;
  unsigned month = 0, day = 0;  // the month from 1
  unsigned hour = 0, minute = 0, second = 0;
};

void take_time(cursor& at, parts& p) noexcept {
  p.hour = at.digits(2);
  at.literal(":");
  p.minute = at.digits(2);
  at.literal(":");
  p.second = at.digits(2);
}

std::optional<std::int64_t> seconds_of(const cursor& at, const parts& p) noexcept {
  const year_month_day date{year{p.year}, month{p.month}, day{p.day}};
  // A leap second has its place in the grammar.
  if (!at.good || !at.rest.empty() || !date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60)
    return std::nullopt;
  const auto days = sys_days{date}.time_since_epoch();
  return seconds{days}.count() + static_cast<std::int64_t>((p.hour * 60 + p.minute) * 60 + p.second);
}

// Sun, 06 Nov 1994 08:49:37 GMT
std::optional<std::int64_t> parse_fixdate(std::string_view text) noexcept {
  cursor at{text};
  parts p;
  at.name(weekdays);
  at.literal(", ");
  p.day = at.digits(2);
  at.literal(" ");
  p.month = at.name(months) + 1;
  at.literal(" ");
  p.year = static_cast<int>(at.digits(4));
  at.literal(" ");
  take_time(at, p);
  at.literal(" GMT");
  return seconds_of(at, p);
}

// Sunday, 06-Nov-94 08:49:37 GMT
std::optional<std::int64_t> parse_rfc850(std::string_view text, std::int64_t now) noexcept {
  cursor at{text};
  parts p;
  at.name(long_weekdays);
  at.literal(", ");
  p.day = at.digits(2);
  at.literal("-");
  p.month = at.name(months) + 1;
  at.literal("-");
  const auto of_century = static_cast<int>(at.digits(2));
  at.literal(" ");
  take_time(at, p);
  at.literal(" GMT");
  const int this_year = static_cast<int>(year_month_day{floor<days>(sys_seconds{seconds{now}})}.year());
  p.year = this_year - this_year % 100 + of_century;
  if (p.year > this_year + 50) p.year -= 100;
  else if (p.year <= this_year - 50) p.year += 100;
  return seconds_of(at, p);
}

// Sun Nov  6 08:49:37 1994
std::optional<std::int64_t> parse_asctime(std::string_view text) noexcept {
  cursor at{text};
  parts p;
  at.name(weekdays);
  at.literal(" ");
  p.month = at.name(months) + 1;
  at.literal(" ");
  const bool one_digit = at.rest.starts_with(' ');
  if (one_digit) at.literal(" ");
  p.day = at.digits(one_digit ? 1 : 2);
  at.literal(" ");
  take_time(at, p);
  at.literal(" ");
  p.year = static_cast<int>(at.digits(4));
  return seconds_of(at, p);
}

}  // namespace

std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now) noexcept {
  if (text.size() > 3 && text[3] == ',') return parse_fixdate(text);
  if (text.size() > 3 && text[3] == ' ') return parse_asctime(text);
  return parse_rfc850(text, now);
}

}  // namespace weft::http::detail

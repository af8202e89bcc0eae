#include <weft/http/client/cookie_date.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

using namespace std::chrono;

bool is_delimiter(char c) noexcept {
  return c == '\t' || (c >= ' ' && c <= '/') || (c >= ';' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// The number at the front of `text`, taken off it. None if it has not between `least` and `most` digits.
std::optional<unsigned> take_number(std::string_view& text, std::size_t least, std::size_t most) noexcept {
  std::size_t length = 0;
  unsigned value = 0;
  for (; length < text.size() && is_digit(text[length]) && length <= most; ++length)
    value = value * 10 + static_cast<unsigned>(text[length] - '0');
  if (length < least || length > most) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

struct cookie_date {
  std::optional<unsigned> day, month, year;
  std::optional<seconds> time;

  // Each word is the first of the four that is missing still and that it can be.
  void take(std::string_view word) noexcept {
    if (fills(time, time_of(word)) || fills(day, number_of(word, 1, 2)) || fills(month, month_of(word)))
      return;
    fills(year, number_of(word, 2, 4));
  }

 private:
  template <class T>
  static bool fills(std::optional<T>& part, std::optional<T> with) noexcept {
    if (part || !with) return false;
    part = with;
    return true;
  }

  // 8:49:37, and anything but a digit behind it.
  static std::optional<seconds> time_of(std::string_view word) noexcept {
    std::array<unsigned, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i != 0) {
        if (!word.starts_with(':')) return std::nullopt;
        word.remove_prefix(1);
      }
      const auto number = take_number(word, 1, 2);
      if (!number) return std::nullopt;
      parts[i] = *number;
    }
    if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::nullopt;
    return hours{parts[0]} + minutes{parts[1]} + seconds{parts[2]};
  }

  static std::optional<unsigned> number_of(std::string_view word, std::size_t least,
                                           std::size_t most) noexcept {
    return take_number(word, least, most);
  }

  // By its first three letters, from 1.
  static std::optional<unsigned> month_of(std::string_view word) noexcept {
    constexpr std::string_view names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
    const auto* const found = std::ranges::find_if(
        names, [&](std::string_view name) { return equals_ignoring_case(word.substr(0, 3), name); });
    if (found == std::end(names)) return std::nullopt;
    return static_cast<unsigned>(found - std::begin(names)) + 1;
  }
};

}  // namespace

std::optional<std::int64_t> parse_cookie_date(std::string_view text) noexcept {
  cookie_date found;
  while (!text.empty()) {
    const auto* const end = std::ranges::find_if(text, is_delimiter);
    const auto length = static_cast<std::size_t>(end - text.begin());
    if (length != 0) found.take(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  if (!found.time || !found.day || !found.month || !found.year) return std::nullopt;
  unsigned of = *found.year;
  if (of < 70) of += 2000;
  else if (of < 100) of += 1900;
  const year_month_day date{year{static_cast<int>(of)}, month{*found.month}, day{*found.day}};
  if (of < 1601 || !date.ok()) return std::nullopt;
  return (sys_days{date}.time_since_epoch() + *found.time).count();
}

}  // namespace weft::http::detail

// Comparisons of ASCII text without regard to case, and without a locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace weft::http::detail {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

/// As equals_ignoring_case, for a `word` of at least four bytes, all of them lower-case letters or hyphens,
/// and a text without control characters. Cost: a comparison of numbers, or two.
template <std::size_t Size>
bool is_word(std::string_view text, const char (&word)[Size]) noexcept {
  constexpr std::size_t length = Size - 1;
  using number = std::conditional_t<(length < 8), std::uint32_t, std::uint64_t>;
  static_assert(length >= sizeof(number) && length <= 2 * sizeof(number));
  if (text.size() != length) return false;
  // In lower case every such character has the bit that the upper-case letter lacks.
  const auto differs = [&](std::size_t at) {
    constexpr auto lower_case = static_cast<number>(0x2020202020202020);
    number said = 0, wanted = 0;
    std::memcpy(&said, text.data() + at, sizeof said);
    std::memcpy(&wanted, word + at, sizeof wanted);
    return (said | lower_case) != wanted;
  };
  return !differs(0) && !differs(length - sizeof(number));
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The value of a hexadecimal digit; -1 for anything else.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The hexadecimal digit, in upper case, of the lower four bits.
constexpr char hex_digit(unsigned value) noexcept { return "0123456789ABCDEF"[value & 15u]; }

/// As equals_ignoring_case, and an underscore matches a hyphen: some servers behind us fold the two (CGI).
constexpr bool resembles(std::string_view name, std::string_view lower) noexcept {
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((name[i] == '_' ? '-' : to_lower(name[i])) != lower[i]) return false;
  return true;
}

/// OWS at both ends removed. Source: RFC 9110, section 5.6.3.
constexpr std::string_view trimmed(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Calls f with each element of a comma-separated list, trimmed, empty ones too.
template <class F>
constexpr void for_each_element(std::string_view list, F f) {
  for (;;) {
    const std::size_t comma = list.find(',');
    f(trimmed(list.substr(0, comma)));
    if (comma == list.npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace weft::http::detail

#include <weft/runtime/trace/tracestate.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace weft::trace {
namespace {

constexpr std::size_t list_max = 512;
constexpr std::size_t members_max = 32;
constexpr std::size_t value_max = 256;

bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Of one part of a key, without an '@'.
bool is_key_part(std::string_view part, std::size_t most, bool may_begin_with_digit) noexcept {
  if (part.empty() || part.size() > most || !is_lower_or_digit(part.front())) return false;
  if (!may_begin_with_digit && part.front() <= '9') return false;
  return std::ranges::all_of(
      part, [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; });
}

bool is_key(std::string_view key) noexcept {
  const std::size_t at = key.find('@');
  if (at == key.npos) return is_key_part(key, 256, /*may_begin_with_digit=*/false);
  return is_key_part(key.substr(0, at), 241, /*may_begin_with_digit=*/true) &&
         is_key_part(key.substr(at + 1), 14, /*may_begin_with_digit=*/false);
}

bool is_value(std::string_view value) noexcept {
  if (value.empty() || value.size() > value_max || value.back() == ' ') return false;
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool is_tracestate(std::string_view list) noexcept {
  if (list.size() > list_max) return false;
  std::array<std::string_view, members_max> keys;
  std::size_t count = 0;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    more = comma != list.npos;
    const std::string_view member = without_blanks(list.substr(0, comma));
    if (more) list.remove_prefix(comma + 1);
    if (member.empty()) continue;  // allowed: "a=1,,b=2"
    const std::size_t equals = member.find('=');
    if (equals == member.npos || !is_value(member.substr(equals + 1))) return false;
    const std::string_view key = member.substr(0, equals);
    const auto known = keys.begin() + static_cast<std::ptrdiff_t>(count);
    if (!is_key(key) || count == members_max || std::find(keys.begin(), known, key) != known) return false;
    keys[count++] = key;
  }
  return count != 0;
}

}  // namespace weft::trace

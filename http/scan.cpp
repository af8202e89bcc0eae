#include <weft/http/scan.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace weft::http::detail {
namespace {

enum byte_class : std::uint8_t { token = 1, target = 2, value = 4 };

constexpr auto classes = [] {
  std::array<std::uint8_t, 256> table{};
  constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";
  for (unsigned c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    const bool visible = c > ' ' && c < 0x7f;
    if (letter || digit || (visible && token_marks.find(static_cast<char>(c)) != token_marks.npos))
      table[c] |= token;
    if (visible && c != '#' && c != '\\') table[c] |= target;
    if (visible || c == ' ' || c == '\t' || c >= 0x80) table[c] |= value;
  }
  return table;
}();

template <byte_class Class>
const char* scan(const char* first, const char* last) noexcept {
  while (first != last && (classes[static_cast<std::uint8_t>(*first)] & Class) != 0) ++first;
  return first;
}

}  // namespace

const char* scan_token(const char* first, const char* last) noexcept { return scan<token>(first, last); }
const char* scan_target(const char* first, const char* last) noexcept { return scan<target>(first, last); }
const char* scan_value(const char* first, const char* last) noexcept { return scan<value>(first, last); }

bool is_token(char c) noexcept { return (classes[static_cast<std::uint8_t>(c)] & token) != 0; }

}  // namespace weft::http::detail

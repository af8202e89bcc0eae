#include <weft/http/message/scan.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <weft/runtime/base/byte_kernels.hpp>

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
constexpr bool is(char c) noexcept {
  return (classes[static_cast<std::uint8_t>(c)] & Class) != 0;
}

template <byte_class Class>
constexpr byte_set others = [] {
  byte_set set;
  for (unsigned c = 0; c < 256; ++c)
    if ((classes[c] & Class) == 0) set.add(static_cast<std::byte>(c));
  return set;
}();

// So many bytes are looked at one by one before the vectors are called, because methods, names and most
// values are shorter.
constexpr std::ptrdiff_t short_run = 16;

// How many of so many bytes are of the class, up to the first that is not. Unrolled: three instructions each.
template <byte_class Class, std::size_t... I>
std::ptrdiff_t run_among(const char* first, std::index_sequence<I...>) noexcept {
  std::ptrdiff_t run = 0;
  (void)((is<Class>(first[I]) && (++run, true)) && ...);
  return run;
}

template <byte_class Class>
const char* scan(const char* first, const char* last) noexcept {
  if (last - first >= short_run) [[likely]] {
    const std::ptrdiff_t run = run_among<Class>(first, std::make_index_sequence<short_run>{});
    return run < short_run
               ? first + run
               : first + run + simd::find_any_of(std::string_view{first + run, last}, others<Class>);
  }
  while (first != last && is<Class>(*first)) ++first;
  return first;
}

}  // namespace

const char* scan_token(const char* first, const char* last) noexcept { return scan<token>(first, last); }
const char* scan_target(const char* first, const char* last) noexcept { return scan<target>(first, last); }
const char* scan_value(const char* first, const char* last) noexcept { return scan<value>(first, last); }

bool is_token(char c) noexcept { return is<token>(c); }

}  // namespace weft::http::detail

#include <weft/http/message/byte_range.hpp>

#include <algorithm>
#include <optional>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

// A number beyond what 64 bits hold is as good as the greatest: it lies behind the end of everything.
std::optional<std::uint64_t> number(std::string_view digits) noexcept {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
  }
  return value;
}

enum class verdict : std::uint8_t { good, behind_the_end, malformed };

// One element of the list, of a body that is not empty.
verdict parse_one(std::string_view text, std::uint64_t size, byte_range& found) noexcept {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return verdict::malformed;
  const std::string_view before = text.substr(0, dash), behind = text.substr(dash + 1);
  if (before.empty()) {  // so many at the end
    const auto suffix = number(behind);
    if (!suffix) return verdict::malformed;
    found.length = std::min(*suffix, size);
    found.first = size - found.length;
    return found.length == 0 ? verdict::behind_the_end : verdict::good;
  }
  const auto first = number(before);
  const auto last = behind.empty() ? std::optional{UINT64_MAX} : number(behind);
  if (!first || !last || *last < *first) return verdict::malformed;
  if (*first >= size) return verdict::behind_the_end;
  found.first = *first;
  found.length = std::min(*last, size - 1) - *first + 1;
  return verdict::good;
}

}  // namespace

byte_ranges parse_ranges(std::string_view field, std::uint64_t size) noexcept {
  byte_ranges found;
  constexpr std::string_view unit = "bytes=";
  if (size == 0 || !equals_ignoring_case(field.substr(0, unit.size()), unit)) return found;
  std::uint64_t left = size;  // that may still be asked for
  std::size_t elements = 0;
  bool whole = false;
  for_each_element(field.substr(unit.size()), [&](std::string_view text) {
    if (text.empty() || whole) return;  // a list may hold empty elements
    byte_range one;
    const verdict v = parse_one(text, size, one);
    whole = v == verdict::malformed || ++elements > ranges_max || one.length > left;
    if (whole || v == verdict::behind_the_end) return;
    left -= one.length;
    found.all[found.count++] = one;
  });
  if (whole || elements == 0) found.count = 0;
  else found.answer = found.count == 0 ? range_answer::unsatisfiable : range_answer::partial;
  return found;
}

}  // namespace weft::http::detail

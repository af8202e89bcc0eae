#include <weft/runtime/trace/traceparent.hpp>

#include <weft/runtime/trace/hexadecimal.hpp>

namespace weft::trace {
namespace {

constexpr std::size_t length = 55;  // of version 00: 2 + 1 + 32 + 1 + 16 + 1 + 2
constexpr std::uint64_t sampled_flag = 1;

}  // namespace

std::optional<context> parse_traceparent(std::string_view field) noexcept {
  using detail::read_hexadecimal;
  if (field.size() < length || field[2] != '-' || field[35] != '-' || field[52] != '-') return std::nullopt;
  const auto version = read_hexadecimal(field.substr(0, 2));
  const auto high = read_hexadecimal(field.substr(3, 16));
  const auto low = read_hexadecimal(field.substr(19, 16));
  const auto span = read_hexadecimal(field.substr(36, 16));
  const auto flags = read_hexadecimal(field.substr(53, 2));
  if (!version || !high || !low || !span || !flags || *version == 0xff) return std::nullopt;
  if (field.size() > length && (*version == 0 || field[length] != '-')) return std::nullopt;
  context found{.trace = {.high = *high, .low = *low}, .span = *span};
  found.sampled = (*flags & sampled_flag) != 0;
  if (!found) return std::nullopt;
  return found;
}

traceparent::traceparent(const context& of) noexcept {
  char* const to = text_.data();
  to[0] = to[1] = to[53] = '0';
  to[2] = to[35] = to[52] = '-';
  detail::write_hexadecimal(to + 3, of.trace.high);
  detail::write_hexadecimal(to + 19, of.trace.low);
  detail::write_hexadecimal(to + 36, of.span);
  to[54] = of.sampled ? '1' : '0';
}

}  // namespace weft::trace

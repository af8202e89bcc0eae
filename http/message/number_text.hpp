// A number as text, without an allocation: lives as long as the expression that it is part of.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::http::detail {

struct number_text {
  explicit number_text(std::uint64_t value, int base = 10) noexcept
      : end{std::to_chars(digits, digits + sizeof digits, value, base).ptr} {}
  operator std::string_view() const noexcept { return {digits, static_cast<std::size_t>(end - digits)}; }

  char digits[20];
  char* end;
};

}  // namespace weft::http::detail

// Numbers of 64 bits as the 16 lower case digits that trace formats want.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::trace::detail {

inline void write_hexadecimal(char* to, std::uint64_t number, std::size_t digits = 16) noexcept {
  for (std::size_t i = digits; i-- > 0; number >>= 4) to[i] = "0123456789abcdef"[number & 15];
}

/// Up to 16 digits, all of the text. None: something else is in it.
constexpr std::optional<std::uint64_t> read_hexadecimal(std::string_view text) noexcept {
  std::uint64_t number = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return number;
}

/// A number, or two, as text.
template <std::size_t Numbers>
class hexadecimal {
 public:
  explicit hexadecimal(const std::array<std::uint64_t, Numbers>& numbers) noexcept {
    for (std::size_t i = 0; i < Numbers; ++i) write_hexadecimal(&text_[16 * i], numbers[i]);
  }

  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 16 * Numbers> text_;
};

}  // namespace weft::trace::detail

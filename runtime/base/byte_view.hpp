// Bytes to be read, wherever they lie: what every call takes that sends or writes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace weft {

/// A borrowed run of constant bytes. Converts from spans of bytes and from text; not from a char array, so
/// that the NUL at the end of a literal stays out (write "..."sv).
struct byte_view : std::span<const std::byte> {
  using span::span;
  byte_view(std::span<const std::byte> bytes) noexcept : span{bytes} {}
  byte_view(std::string_view text) noexcept : span{std::as_bytes(std::span{text})} {}
  byte_view(const std::string& text) noexcept : byte_view{std::string_view{text}} {}
};

}  // namespace weft

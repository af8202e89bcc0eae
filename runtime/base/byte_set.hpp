// A set of byte values, laid out for table look-ups in vector registers.
//
// A byte's low four bits choose one of 16 rows, its high four bits a bit of that row. There are two banks of
// rows, for the bytes below 0x80 and for those from 0x80, because a row has eight bits and the high half of a
// byte sixteen values: a vector look-up (pshufb, tbl) answers zero for the bank that a byte does not belong
// to. Source of the idea: Wojciech Mula, "SIMD-ized check which bytes are in a set".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

/// A set of byte values; made at compile time where it is constexpr. Converts from text: each character is a
/// member.
class byte_set {
 public:
  constexpr byte_set() noexcept = default;
  constexpr byte_set(std::string_view members) noexcept {
    for (const char c : members) add(static_cast<std::byte>(c));
  }

  constexpr void add(std::byte member) noexcept { rows_[row(member)] |= bit(member); }
  constexpr bool contains(std::byte b) const noexcept { return (rows_[row(b)] & bit(b)) != 0; }

  /// All bytes that are not members: to find the end of a run of members.
  constexpr byte_set operator~() const noexcept {
    byte_set others;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      others.rows_[i] = static_cast<std::uint8_t>(~unsigned{rows_[i]});
    return others;
  }

  constexpr byte_set operator|(const byte_set& other) const noexcept {
    byte_set both = *this;
    for (std::size_t i = 0; i < rows_.size(); ++i) both.rows_[i] |= other.rows_[i];
    return both;
  }

  constexpr bool operator==(const byte_set&) const noexcept = default;

  /// 32 rows: of the bytes below 0x80, then of those from 0x80.
  constexpr const std::uint8_t* rows() const noexcept { return rows_.data(); }

 private:
  static constexpr std::size_t row(std::byte b) noexcept {
    return std::to_integer<std::size_t>((b >> 7 << 4) | (b & std::byte{0x0f}));
  }
  static constexpr std::uint8_t bit(std::byte b) noexcept {
    return static_cast<std::uint8_t>(1u << std::to_integer<unsigned>((b >> 4) & std::byte{0x07}));
  }

  std::array<std::uint8_t, 32> rows_{};
};

}  // namespace weft

// Which bytes a Range field asks for.
//
// What is not well formed, or in another unit, is no range and answers all of it, as the RFC wants. So does
// what asks for too much, which is how one small request makes a server send gigabytes: more ranges than
// ranges_max, or together more bytes than there are, which takes ranges that overlap.
//
// Source: RFC 9110, section 14; the rule of the sum is that of Go's net/http (fs.go).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::http::detail {

struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // never 0

  std::uint64_t last() const noexcept { return first + length - 1; }
};

enum class range_answer : std::uint8_t {
  whole,          // 200: as if there were no Range
  partial,        // 206 with these
  unsatisfiable,  // 416: all of them begin behind the end
};

/// More than a reader of a document asks for at once, by experience. A guess.
inline constexpr std::size_t ranges_max = 16;

struct byte_ranges {
  range_answer answer = range_answer::whole;
  std::size_t count = 0;                   // of `all`, if partial: at least one,
  std::array<byte_range, ranges_max> all;  // in the order in which they were asked for, and within the body
};

/// What `field`, a Range, asks of a body of `size` bytes. Of an empty body always all.
byte_ranges parse_ranges(std::string_view field, std::uint64_t size) noexcept;

}  // namespace weft::http::detail

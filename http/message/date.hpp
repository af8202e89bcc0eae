// IMF-fixdate, the Date of a response: "Sun, 06 Nov 1994 08:49:37 GMT", always 29 bytes. Source: RFC 9110,
// section 5.6.7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::http::detail {

inline constexpr std::size_t date_length = 29;

/// Writes the date of `unix_seconds` (years 1970 to 9999) to the 29 bytes at `out`; no terminating zero.
void format_date(std::int64_t unix_seconds, char* out) noexcept;

/// The date of the present second, formatted once a second. One per worker.
///
/// It is brought up to date by whoever is about to use it, once per batch of requests, from the coarse clock
/// (5 ns): a timer would wake idle workers.
class date_cache {
 public:
  /// Takes over the time, where the second has changed. Returns the 29 bytes; they stay where they are.
  const char* refresh(std::int64_t unix_seconds) noexcept {
    if (unix_seconds != second_) [[unlikely]] {
      second_ = unix_seconds;
      format_date(unix_seconds, text_.data());
    }
    return text_.data();
  }
  const char* refresh() noexcept { return refresh(coarse_unix_seconds()); }

  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

  static std::int64_t coarse_unix_seconds() noexcept;

 private:
  std::int64_t second_ = -1;
  std::array<char, date_length> text_{};
};

}  // namespace weft::http::detail

// The dates that a client sends, in each of the three forms that HTTP has had: IMF-fixdate, which all write
// today, that of RFC 850 with its two digits of a year, and that of C's asctime().
//
// Source: RFC 9110, section 5.6.7, whose grammar is taken at its word, names in their case included.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::http::detail {

/// The seconds since 1970 that `text` names; none if it is no HTTP-date. A weekday that is not the day's own
/// is let through.
///
/// `now`, in the same seconds, places a year of two digits: at most 50 years ahead, else in the past.
std::optional<std::int64_t> parse_date(std::string_view text, std::int64_t now) noexcept;

}  // namespace weft::http::detail

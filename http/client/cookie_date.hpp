// The dates of Expires in a Set-Cookie field, which servers write in more ways than HTTP knows.
//
// Source: RFC 6265, section 5.1.1: what looks like a time, a day, a month and a year is taken, in any order,
// whatever stands between them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weft::http::detail {

/// The seconds since 1970 that `text` names; none if one of the four is missing or impossible.
std::optional<std::int64_t> parse_cookie_date(std::string_view text) noexcept;

}  // namespace weft::http::detail

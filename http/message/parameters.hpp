// The parameters of a field's value: `form-data; name="a"; filename="b"`. Pure.
//
// Source: RFC 9110, section 5.6.6; RFC 7578, section 4.2. In a quoted string a backslash quotes only a quote
// and itself: browsers of old sent paths with single ones in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::http::detail {

/// What stands before the first semicolon.
std::string_view value_without_parameters(std::string_view text) noexcept;

enum class parameter : std::uint8_t { absent, found, malformed };

/// Looks for the parameter `name`, which is compared without regard to case. malformed: the text does not fit
/// the grammar, as far as it goes, or the name is there twice.
parameter find_parameter(std::string_view text, std::string_view name, std::string& value);

}  // namespace weft::http::detail

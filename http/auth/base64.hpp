// Base64, in its standard alphabet with padding and in the one for URLs without. Source: RFC 4648, sections
// 4 and 5.
//
// Strict: one text per value. Other characters, padding where the alphabet has none or that is missing where
// it must be, and bits that are left over and not zero are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::http::detail {

enum class base64_alphabet : unsigned char { standard, url };

std::string encode_base64(std::string_view bytes, base64_alphabet = base64_alphabet::standard);

/// The bytes; none if `text` is not their encoding.
std::optional<std::string> decode_base64(std::string_view text, base64_alphabet = base64_alphabet::standard);

}  // namespace weft::http::detail

// What an Accept-Encoding says: how much a client likes a coding. Source: RFC 9110, section 12.5.3.
#pragma once

#include <string_view>

namespace weft::http::detail {

/// In thousandths, 0 to 1000: what the field says of that coding, or else of "*". Of "identity" 1, where it
/// says nothing: any coding that is named is liked better. x-gzip is gzip, and a weight that is malformed is
/// 0.
int coding_weight(std::string_view field, std::string_view coding) noexcept;

}  // namespace weft::http::detail

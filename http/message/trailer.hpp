// Which fields must not come behind a body, in a request or in a response.
#pragma once

#include <string_view>

namespace weft::http::detail {

/// Whether a field of that name, in any case, decides about framing, routing, rights or how the body is read:
/// whoever merges it into the head would change what was decided already. Source: RFC 9110, section 6.5.1.
bool is_forbidden_trailer(std::string_view name) noexcept;

}  // namespace weft::http::detail

// Why a call cannot be sent: the request that it asks for is none, or none that weft sends.
#pragma once

#include <system_error>

namespace weft::http {

/// Each equals std::errc::invalid_argument.
enum class call_error {
  bad_url = 1,         ///< no "http://host[:port][/path][?query]", or with bytes that must be encoded
  unsupported_scheme,  ///< "https:" and all else but "http:": weft has no TLS yet
  bad_method,          ///< no token, or CONNECT, which is no request for a resource
  bad_field_name,      ///< no token
  bad_field_value,     ///< with a CR, LF, NUL or other control in it; or a Host that is none, or twice
  reserved_field,      ///< one that is weft's to write: framing, and what concerns one connection only
};

/// The category of call_error; its name is "weft.http.call".
const std::error_category& call_category() noexcept;

std::error_code make_error_code(call_error) noexcept;

}  // namespace weft::http

template <>
struct std::is_error_code_enum<weft::http::call_error> : std::true_type {};

// The head of a request, written for a call.
#pragma once

#include <string_view>

#include <weft/http/client/call.hpp>
#include <weft/http/client/url.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

/// What a head says besides the call.
struct call_manner {
  std::string_view user_agent{};  // empty: no field
  bool through_proxy = false;     // the target is the whole URL
  std::string_view proxy_authorization{};
  std::string_view cookies{};      // empty: no field
  bool decompress = false;         // codings are asked for
  bool streamed = false;           // the body comes in pieces
  std::string_view traceparent{};  // empty: no field
  std::string_view tracestate{};   // the same
};

/// Appends the head of `c`, up to its empty line, unless it is wrong.
///
/// Errors     call_error: bad_method, bad_field_name, bad_field_value, reserved_field.
[[nodiscard]] result<void> write_call_head(byte_buffer& out, const call& c, const url& to,
                                           const call_manner& how);

}  // namespace weft::http::detail

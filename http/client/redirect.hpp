// What a client asks for when it is sent elsewhere. Pure.
//
// 307 and 308 repeat the request; 301 and 302 do too, but make a GET of a POST, as all clients do; 303 makes
// a GET of all but HEAD. Fields that tell who is asking go to another origin with no request. Source: RFC
// 9110, section 15.4; RFC 6454.
#pragma once

#include <string_view>

#include <weft/http/client/call.hpp>
#include <weft/http/client/url.hpp>
#include <weft/http/message/status.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

/// Whether a response of that status with a Location asks to follow it.
bool is_redirect(status s) noexcept;

/// Whether the request that follows is one without a body, whatever the first had.
bool drops_body(status s, std::string_view method) noexcept;

/// The request that follows `c`, which went to `from` and was answered `s` with that Location.
///
/// Errors     as resolve_reference().
[[nodiscard]] result<call> redirected(const call& c, const url& from, status s, std::string_view location);

}  // namespace weft::http::detail

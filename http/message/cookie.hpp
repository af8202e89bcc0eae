// A cookie that a response sets, with all that can be said of it.
//
// What a browser would misread or refuse is refused here: a name that is no token, a value or path with a
// byte that ends it, a __Host- cookie that is not bound to its host. Source: RFC 6265 with the drafts of its
// successor (RFC 6265bis): SameSite, prefixes; and CHIPS for Partitioned.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <weft/http/message/byte_buffer.hpp>

namespace weft::http {

/// Which requests from other sites carry a cookie. unset: as the browser sees fit, which is lax today.
enum class same_site : std::uint8_t { unset, strict, lax, none };

/// For response::set_cookie(). To delete one, set it with the same name, path and domain and max_age 0.
struct cookie {
  std::string_view name;
  /// Visible ASCII without space, quotes, comma, semicolon and backslash: encode what has them.
  std::string_view value;
  /// Empty: the folder of the request's path.
  std::string_view path = "/";
  /// Empty: this host and no subdomain of it.
  std::string_view domain{};
  /// Neither this nor `expires`: until the browser ends. This wins.
  std::optional<std::chrono::seconds> max_age{};
  std::optional<std::chrono::sys_seconds> expires{};
  /// Sent over HTTPS only.
  bool secure = false;
  /// Hidden from scripts.
  bool http_only = true;
  http::same_site same_site = http::same_site::lax;
  /// One jar for each site that embeds this one. Must be secure.
  bool partitioned = false;
};

namespace detail {

/// Appends the whole field Set-Cookie. False, and nothing is appended: it must not be sent.
bool append_set_cookie(byte_buffer& fields, const cookie& c);

}  // namespace detail
}  // namespace weft::http

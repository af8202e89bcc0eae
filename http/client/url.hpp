// What a client needs to know of a URL: where to connect, which host to ask, and for what.
//
// Strict: what may not stand in a URL is refused, not encoded. Source: RFC 3986; RFC 9110, section 4.2.
#pragma once

#include <string>
#include <string_view>

#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

struct url {
  /// The parts of "http://example.com:8080/path?query#fragment". The fragment is left out: it stays with the
  /// client.
  ///
  /// Errors     call_error: unsupported_scheme; bad_url, also with a user and password in it.
  [[nodiscard]] static result<url> parse(std::string_view text);

  /// "http://example.com:8080/path?query"
  std::string text() const { return "http://" + authority + target; }

  std::string authority;  // host and port as they were written, in lower case; without the default port
  std::string endpoint;   // host and port, "example.com:80"
  std::string target;     // path and query, never empty
};

/// The URL that `reference` means where it stands in what came from `base`. Source: RFC 3986, section 5.2.
///
/// Errors     as url::parse().
[[nodiscard]] result<url> resolve_reference(const url& base, std::string_view reference);

}  // namespace weft::http::detail

// A request, as a client is to send it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace weft::http {

struct call {
  /// Case matters: "get" is another method.
  std::string method = "GET";
  /// "http://example.com/path?query". What must be encoded in it is encoded by the caller.
  std::string url{};
  /// Sent in this order. Host overrides that of the URL, User-Agent that of the client, and
  /// `Connection: close` ends the connection after the response. What else concerns the connection or frames
  /// the body is call_error::reserved_field.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

}  // namespace weft::http

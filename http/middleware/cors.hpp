// Middleware that tells browsers which other origins may read the responses, and answers their preflights.
// Source: the Fetch standard, "CORS protocol".
//
// It protects users of browsers, and no server: a request from another origin is served all the same, only
// its script does not get to see the response.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/middleware.hpp>

namespace weft::http {

struct cors_options {
  /// "https://example.org", as browsers send them; "*": all, but then without credentials.
  std::vector<std::string> origins{"*"};
  std::vector<std::string> methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  /// Fields of requests that scripts may set, besides those that need no permission.
  std::vector<std::string> request_headers{};
  /// Fields of responses that scripts may read, besides the simple ones.
  std::vector<std::string> exposed_headers{};
  /// Whether cookies and the like may go with a request. Not with "*", which is an assertion.
  bool credentials = false;
  /// How long browsers may remember the answer to a preflight.
  std::chrono::seconds max_age{600};
};

/// A preflight is answered here, and reaches no handler: 204, or 403 for an origin that is not allowed.
class cors {
 public:
  explicit cors(cors_options options = {});

  result<void> operator()(request& q, response& s, next n) const;

 private:
  bool admits(std::string_view origin) const noexcept;

  cors_options options_;
  bool all_ = false;
  std::string methods_, request_headers_, exposed_headers_, max_age_;
};

}  // namespace weft::http

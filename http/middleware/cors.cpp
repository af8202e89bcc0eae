#include <weft/http/middleware/cors.hpp>

#include <algorithm>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {
namespace {

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ", ") + one;
  return text;
}

}  // namespace

cors::cors(cors_options options)
    : options_{std::move(options)},
      all_{std::ranges::count(options_.origins, "*") != 0},
      methods_{joined(options_.methods)},
      request_headers_{joined(options_.request_headers)},
      exposed_headers_{joined(options_.exposed_headers)},
      max_age_{std::to_string(options_.max_age.count())} {
  WEFT_ASSERT(!all_ || !options_.credentials, "credentials for all origins: name those that may have them");
}

bool cors::admits(std::string_view origin) const noexcept {
  return all_ || std::ranges::count(options_.origins, origin) != 0;
}

result<void> cors::operator()(request& q, response& s, next n) const {
  const auto origin = q.header("Origin");
  const bool preflight = origin && q.method() == "OPTIONS" && q.header("Access-Control-Request-Method");
  if (preflight)  // what a cache must not mix up
    s.header("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  else if (!all_) s.header("Vary", "Origin");
  const bool admitted = origin && admits(*origin);
  if (admitted) {
    s.header("Access-Control-Allow-Origin", all_ ? "*" : *origin);
    if (options_.credentials) s.header("Access-Control-Allow-Credentials", "true");
  }
  if (!preflight) {
    if (admitted && !exposed_headers_.empty()) s.header("Access-Control-Expose-Headers", exposed_headers_);
    return n();
  }
  if (!admitted) return std::unexpected(status::forbidden);
  s.status(status::no_content).header("Access-Control-Allow-Methods", methods_);
  if (!request_headers_.empty()) s.header("Access-Control-Allow-Headers", request_headers_);
  s.header("Access-Control-Max-Age", max_age_);
  return {};
}

}  // namespace weft::http

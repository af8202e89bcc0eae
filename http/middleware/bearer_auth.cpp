#include <weft/http/middleware/bearer_auth.hpp>

#include <weft/http/auth/constant_time.hpp>
#include <weft/http/middleware/auth.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

bearer_auth::bearer_auth(bearer_auth_options options) : options_{std::move(options)} {
  WEFT_ASSERT(options_.realm.find_first_of("\"\\\r\n") == std::string::npos, "a realm stands between quotes");
  challenge_ = "Bearer realm=\"" + options_.realm + '"';
}

bool bearer_auth::admits(std::string_view token) const {
  if (options_.check) return options_.check(token);
  bool admitted = false;
  for (const std::string& known : options_.tokens) {
    const bool same = equals_secret(token, known);
    admitted = admitted | same;  // and not ||, which would stop there
  }
  return admitted;
}

// A request that brings nothing is told no error. Source: RFC 6750, section 3.1.
result<void> bearer_auth::operator()(request& q, response& s, next n) const {
  const auto token = bearer_token(q);
  if (token && admits(*token)) return n();
  s.header("WWW-Authenticate", token ? challenge_ + ", error=\"invalid_token\"" : challenge_);
  return std::unexpected(status::unauthorized);
}

}  // namespace weft::http

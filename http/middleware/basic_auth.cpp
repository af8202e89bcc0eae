#include <weft/http/middleware/basic_auth.hpp>

#include <weft/http/auth/constant_time.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

basic_auth::basic_auth(basic_auth_options options) : options_{std::move(options)} {
  WEFT_ASSERT(options_.realm.find_first_of("\"\\\r\n") == std::string::npos, "a realm stands between quotes");
  challenge_ = "Basic realm=\"" + options_.realm + "\", charset=\"UTF-8\"";
}

bool basic_auth::admits(const credentials& given) const {
  if (options_.check) return options_.check(given);
  bool admitted = false;
  for (const credentials& known : options_.users) {
    const bool user = equals_secret(given.user, known.user);
    const bool password = equals_secret(given.password, known.password);
    admitted = admitted | (user & password);  // and not ||, which would stop there
  }
  return admitted;
}

result<void> basic_auth::operator()(request& q, response& s, next n) const {
  const auto given = basic_credentials(q);
  if (given && admits(*given)) return n();
  s.header("WWW-Authenticate", challenge_);
  return std::unexpected(status::unauthorized);
}

}  // namespace weft::http

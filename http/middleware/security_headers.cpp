#include <weft/http/middleware/security_headers.hpp>

#include <weft/http/response.hpp>

namespace weft::http {

security_headers::security_headers(security_headers_options o) {
  std::pair<const char*, std::string*> all[] = {
      {"X-Content-Type-Options", &o.content_type_options},
      {"X-Frame-Options", &o.frame_options},
      {"Referrer-Policy", &o.referrer_policy},
      {"Cross-Origin-Opener-Policy", &o.cross_origin_opener_policy},
      {"Cross-Origin-Resource-Policy", &o.cross_origin_resource_policy},
      {"Content-Security-Policy", &o.content_security_policy},
      {"Strict-Transport-Security", &o.strict_transport_security},
      {"Permissions-Policy", &o.permissions_policy},
  };
  fields_.reserve(std::size(all));
  for (const auto& [name, value] : all)
    if (!value->empty()) fields_.emplace_back(name, std::move(*value));
}

result<void> security_headers::operator()(request&, response& s, next n) const {
  for (const auto& [name, value] : fields_) s.default_header(name, value);
  result<void> outcome = n();
  if (s.body_begun()) return outcome;
  for (const auto& [name, value] : fields_)  // so that middleware further out sees them
    if (!s.header(name)) s.header(name, value);
  return outcome;
}

}  // namespace weft::http

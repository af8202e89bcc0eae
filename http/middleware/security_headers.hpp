// Middleware that sets the fields which make browsers careful with what they get.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <weft/http/middleware.hpp>

namespace weft::http {

/// Each is the value of the field of that name; an empty one is not sent. A site should set its own
/// content_security_policy, and strict_transport_security once all of it is served by TLS, because browsers
/// remember that one: neither has a value that is right for all.
struct security_headers_options {
  std::string content_type_options = "nosniff";
  std::string frame_options = "DENY";
  std::string referrer_policy = "no-referrer";
  std::string cross_origin_opener_policy = "same-origin";
  std::string cross_origin_resource_policy = "same-origin";
  std::string content_security_policy{};
  std::string strict_transport_security{};
  std::string permissions_policy{};
};

/// What the handler sets itself stays as the handler says, and so does what a group inside of this one says.
/// Source: OWASP, HTTP Security Response Headers Cheat Sheet.
class security_headers {
 public:
  explicit security_headers(security_headers_options options = {});

  result<void> operator()(request& q, response& s, next n) const;

 private:
  std::vector<std::pair<const char*, std::string>> fields_;
};

}  // namespace weft::http

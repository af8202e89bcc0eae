// Middleware that lets in who has a token: 401 for all others. Source: RFC 6750.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/middleware.hpp>

namespace weft::http {

struct bearer_auth_options {
  std::string realm = "restricted";
  /// Tokens that are let in. Compared in constant time, and each time with all.
  std::vector<std::string> tokens{};
  /// Decides in place of `tokens`. Called by all workers, in the fiber of the request.
  std::move_only_function<bool(std::string_view token) const> check{};
};

/// Handlers find the token with bearer_token().
class bearer_auth {
 public:
  explicit bearer_auth(bearer_auth_options options);

  result<void> operator()(request& q, response& s, next n) const;

 private:
  bool admits(std::string_view token) const;

  bearer_auth_options options_;
  std::string challenge_;
};

}  // namespace weft::http

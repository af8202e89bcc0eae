// Middleware that lets in who knows a name and its password: 401 for all others. Source: RFC 7617.
//
// What is sent is readable by whoever sees the connection: for TLS only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/middleware.hpp>
#include <weft/http/middleware/auth.hpp>

namespace weft::http {

struct basic_auth_options {
  std::string realm = "restricted";
  /// Who is let in. Compared in constant time, and each time with all, so that neither shows who exists.
  std::vector<credentials> users{};
  /// Decides in place of `users`: passwords are better kept as slow hashes, for which weft::blocking() is the
  /// place. Called by all workers, in the fiber of the request.
  std::move_only_function<bool(const credentials&) const> check{};
};

class basic_auth {
 public:
  explicit basic_auth(basic_auth_options options);

  result<void> operator()(request& q, response& s, next n) const;

 private:
  bool admits(const credentials& given) const;

  basic_auth_options options_;
  std::string challenge_;
};

}  // namespace weft::http

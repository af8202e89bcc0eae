// Middleware that ends the waits of what is behind it after a time: 504, in the end.
//
// The deadline is the fiber's (weft::with_deadline), so it covers all that the handler waits for, and the
// fibers that it spawns. It begins where the middleware stands, where route_options::deadline begins with the
// end of the head and is one route's; the earlier one counts. A handler that only computes is not
// interrupted.
#pragma once

#include <chrono>

#include <weft/http/middleware.hpp>

namespace weft::http {

struct timeout_options {
  std::chrono::nanoseconds limit = std::chrono::seconds{30};
};

class timeout {
 public:
  explicit timeout(timeout_options options = {}) noexcept : options_{options} {}

  result<void> operator()(request& q, response& s, next n) const;

 private:
  timeout_options options_;
};

}  // namespace weft::http

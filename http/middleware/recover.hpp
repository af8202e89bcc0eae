// Middleware that makes an exception of a handler's a 500 with an id, and reports both: what a user sends in
// leads to what went wrong, and tells nothing of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <weft/http/middleware.hpp>
#include <weft/http/unique_id.hpp>

namespace weft::http {

struct recover_options {
  /// Hears "http: GET /path: what() (error 0123456789abcdef)". Called by all workers, in the fiber of the
  /// request.
  std::move_only_function<void(std::string_view report) const> sink;
  /// The field of the response with the id.
  std::string field = "X-Error-Id";
};

/// Registered innermost, it lets the other middleware see the 500. std::bad_alloc is not caught: that is
/// answered 503. A response that has begun already cannot become a 500: it is cut off, and reported.
class recover {
 public:
  /// A sink there must be.
  explicit recover(recover_options options);

  result<void> operator()(request& q, response& s, next n) const;

 private:
  result<void> failed(request& q, response& s, std::string_view what) const;

  recover_options options_;
  std::unique_ptr<detail::unique_ids> ids_ = std::make_unique<detail::unique_ids>();
};

}  // namespace weft::http

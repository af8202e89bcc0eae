// Middleware that gives each request an id, and tells it in the response: the thread through the logs.
#pragma once

#include <memory>
#include <string>

#include <weft/http/middleware.hpp>
#include <weft/http/unique_id.hpp>

namespace weft::http {

struct request_id_options {
  std::string field = "X-Request-Id";
  /// Takes the id that a request brings, if it is 1 to 64 letters, digits, '-', '_' or '.': behind a proxy
  /// that sets one, and not where clients could choose what the logs say.
  bool accept = false;
};

/// Handlers, and middleware inside, find the id as response::header() of that field.
class request_id {
 public:
  explicit request_id(request_id_options options = {});

  result<void> operator()(request& q, response& s, next n) const;

 private:
  request_id_options options_;
  std::unique_ptr<detail::unique_ids> ids_ = std::make_unique<detail::unique_ids>();
};

}  // namespace weft::http

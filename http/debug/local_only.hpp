// Middleware that answers none but this machine.
#pragma once

#include <weft/http/middleware.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

/// Refuses with 403 who is at another machine, or may be: what a proxy passes on, and what a web page makes a
/// browser ask for under a name of its own (DNS rebinding).
struct local_only {
  result<void> operator()(request& q, response& s, next n) const;
};

}  // namespace weft::http::detail

#include <weft/http/middleware/timeout.hpp>

#include <weft/runtime/with_deadline.hpp>

namespace weft::http {

result<void> timeout::operator()(request&, response&, next n) const {
  return with_deadline(options_.limit, [&] { return n(); });
}

}  // namespace weft::http

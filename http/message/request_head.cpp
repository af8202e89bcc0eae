#include <weft/http/message/request_head.hpp>

namespace weft::http::detail {

void request_head::clear() noexcept {
  clear_fields();
  method_token = target = path = query = authority = {};
  method = http::method::other;
  form = target_form::origin;
  has_query = has_host = expects_continue = false;
}

}  // namespace weft::http::detail

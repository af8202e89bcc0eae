#include <weft/http/message/response_head.hpp>

namespace weft::http::detail {

body_end response_head::ends_with(http::method asked) const noexcept {
  if (asked == http::method::head || is_bodiless(status)) return body_end::head;
  if (chunked) return body_end::last_chunk;
  if (has_content_length) return content_length == 0 ? body_end::head : body_end::length;
  return body_end::close;
}

void response_head::clear() noexcept {
  clear_fields();
  status = {};
  reason = {};
}

}  // namespace weft::http::detail

#include <weft/http/request_head.hpp>

#include <weft/http/ascii.hpp>

namespace weft::http::detail {

std::optional<std::string_view> request_head::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < field_count; ++i)
    if (equals_ignoring_case(text(fields[i].name), name)) return text(fields[i].value);
  return std::nullopt;
}

void request_head::clear() noexcept {
  base = nullptr;
  content_length = 0;
  method_token = target = path = query = authority = {};
  length = 0;
  field_count = 0;
  minor_version = 0;
  method = http::method::other;
  form = target_form::origin;
  has_content_length = has_query = has_host = chunked = false;
  says_close = says_keep_alive = expects_continue = false;
}

}  // namespace weft::http::detail

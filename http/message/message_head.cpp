#include <weft/http/message/message_head.hpp>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {

std::optional<std::string_view> message_head::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < field_count; ++i)
    if (equals_ignoring_case(text(fields[i].name), name)) return text(fields[i].value);
  return std::nullopt;
}

void message_head::clear_fields() noexcept {
  base = nullptr;
  content_length = 0;
  length = 0;
  field_count = 0;
  minor_version = 0;
  has_content_length = chunked = says_close = says_keep_alive = false;
}

}  // namespace weft::http::detail

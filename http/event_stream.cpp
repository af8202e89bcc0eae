#include <weft/http/event_stream.hpp>

#include <algorithm>
#include <system_error>

#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/number_text.hpp>

namespace weft::http {
namespace {

bool is_one_line(std::string_view text) noexcept {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) == text.npos;
}

// Lines end with CRLF, LF or CR; a field for each.
void append_data(detail::byte_buffer& out, std::string_view data) {
  for (;;) {
    const std::size_t end = data.find_first_of("\r\n");
    out.append_all("data: ", data.substr(0, end), "\n");
    if (end == data.npos) return;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

}  // namespace

event_stream::event_stream(const request& from, response& to)
    : to_{to}, last_id_{from.header("last-event-id").value_or("")} {
  to_.header("Content-Type", "text/event-stream").header("Cache-Control", "no-store");
  to_.header("X-Accel-Buffering", "no");  // which nginx obeys
}

result<void> event_stream::send(const event& e, deadline until) {
  if (!is_one_line(e.name) || !is_one_line(e.id))
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  detail::byte_buffer text;
  if (!e.name.empty()) text.append_all("event: ", e.name, "\n");
  if (!e.id.empty()) text.append_all("id: ", e.id, "\n");
  if (e.retry) {
    const auto milliseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(e.retry->count(), 0));
    text.append_all("retry: ", detail::number_text{milliseconds}, "\n");
  }
  append_data(text, e.data);
  text.append("\n");
  return to_.write(text.text(), until);
}

result<void> event_stream::comment(std::string_view line, deadline until) {
  if (!is_one_line(line)) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  detail::byte_buffer text;
  text.append_all(":", line, "\n\n");
  return to_.write(text.text(), until);
}

}  // namespace weft::http

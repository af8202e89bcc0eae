#include <weft/http/client/response_reader.hpp>

#include <algorithm>
#include <cstring>

namespace weft::http::detail {

result<void> response_reader::read_head(method asked, deadline until) {
  for (unsigned interim = 0;;) {
    const parse_outcome outcome = parser_.parse(input_.unread(), head_);
    if (outcome == parse_outcome::failed) return std::unexpected(parser_.error());
    if (outcome == parse_outcome::incomplete) {
      const std::size_t count = WEFT_TRY(fetch(input_.space(), until));
      if (count == 0) return std::unexpected(errc::end_of_stream);
      input_.added(count);
      continue;
    }
    if (static_cast<int>(head_.status) >= 200) break;
    if (head_.status == status::switching_protocols || ++interim > interim_max)
      return std::unexpected(errc::protocol);
    input_.consume(head_.length);
    parser_.reset();
  }
  head_.rebase(input_.hold(head_.length));
  end_ = head_.ends_with(asked);
  keep_ = head_.keeps_connection(asked);
  ended_ = end_ == body_end::head;
  if (end_ == body_end::length) left_ = head_.content_length;
  return {};
}

result<std::size_t> response_reader::read(std::span<std::byte> into, deadline until) {
  if (ended_ || into.empty()) return std::size_t{0};
  return end_ == body_end::last_chunk ? read_chunked(into, until) : read_plain(into, until);
}

result<std::size_t> response_reader::read_plain(std::span<std::byte> into, deadline until) {
  if (end_ == body_end::length && left_ < into.size()) into = into.first(static_cast<std::size_t>(left_));
  if (!input_.empty()) {
    const std::string_view here = input_.unread().substr(0, into.size());
    std::memcpy(into.data(), here.data(), here.size());
    took(here.size());
    input_.consume(here.size());
    return here.size();
  }
  const std::size_t count = WEFT_TRY(fetch(into, until));
  if (count == 0 && end_ == body_end::length) return std::unexpected(errc::end_of_stream);
  if (count == 0) ended_ = true;
  took(count);
  return count;
}

result<std::size_t> response_reader::read_chunked(std::span<std::byte> into, deadline until) {
  for (;;) {
    const chunk_decoder::piece piece = decoder_.next(input_.unread().substr(0, into.size()));
    if (!piece.data.empty()) std::memcpy(into.data(), piece.data.data(), piece.data.size());
    input_.consume(piece.consumed);
    switch (piece.what) {
      case chunk_decoder::outcome::failed: return std::unexpected(errc::protocol);
      case chunk_decoder::outcome::done: ended_ = true; return std::size_t{0};
      case chunk_decoder::outcome::data: return piece.data.size();
      case chunk_decoder::outcome::incomplete: break;
    }
    if (!input_.empty()) continue;
    const std::size_t count = WEFT_TRY(fetch(input_.space(), until));
    if (count == 0) return std::unexpected(errc::end_of_stream);
    input_.added(count);
  }
}

void response_reader::took(std::size_t bytes) noexcept {
  if (end_ != body_end::length) return;
  left_ -= bytes;
  ended_ = left_ == 0;
}

void response_reader::skip_received() noexcept {
  if (end_ == body_end::length) {
    const std::string_view here = input_.unread().substr(0, left_);
    took(here.size());
    input_.consume(here.size());
  }
  while (end_ == body_end::last_chunk && !ended_ && !input_.empty()) {
    const chunk_decoder::piece piece = decoder_.next(input_.unread());
    if (piece.what == chunk_decoder::outcome::failed) return;
    input_.consume(piece.consumed);
    ended_ = piece.what == chunk_decoder::outcome::done;
  }
}

result<std::size_t> response_reader::fetch(std::span<std::byte> into, deadline until) {
  const std::size_t count = WEFT_TRY(from_.read(into, until));
  begun_ |= count != 0;
  return count;
}

}  // namespace weft::http::detail

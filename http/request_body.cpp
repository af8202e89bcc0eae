#include <weft/http/request_body.hpp>

#include <algorithm>
#include <cstring>

#include <weft/http/message/status.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {

void request_body::begin(const request_head& head, std::uint64_t body_max) noexcept {
  left_ = head.content_length;
  chunked_ = head.chunked;
  ended_ = !head.chunked;
  received_ = 0;
  body_max_ = body_max;
  read_from_ = collected_ = false;
  whole_ = {};
  copy_.clear();
  trailers_.clear();
  if (chunked_) decoder_.reset();
}

result<std::size_t> request_body::read(std::span<std::byte> into, deadline until) {
  WEFT_ASSERT(!collected_, "body() has read it all");
  read_from_ = true;
  if (ended() || into.empty()) return std::size_t{0};
  if (!chunked_) return read_plain(into, until);
  const std::string_view data = WEFT_TRY(next_chunk_data(into.size(), until));
  if (!data.empty()) std::memcpy(into.data(), data.data(), data.size());
  return data.size();
}

result<std::size_t> request_body::read_plain(std::span<std::byte> into, deadline until) {
  std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
  if (!input_.empty()) {
    const std::string_view here = input_.unread().substr(0, length);
    std::memcpy(into.data(), here.data(), here.size());
    input_.consume(here.size());
    length = here.size();
  } else {
    length = WEFT_TRY(source_.fetch(into.first(length), until));
  }
  left_ -= length;
  return length;
}

// The next decoded bytes, which lie in the input until the next call; empty at the end of the body.
result<std::string_view> request_body::next_chunk_data(std::size_t at_most, deadline until) {
  for (;;) {
    const chunk_decoder::piece piece =
        decoder_.next(input_.unread().substr(0, std::max<std::size_t>(at_most, 1)));
    keep_trailers(piece.trailers);
    input_.consume(piece.consumed);
    switch (piece.what) {
      case chunk_decoder::outcome::failed: return std::unexpected(decoder_.error());
      case chunk_decoder::outcome::done: ended_ = true; return std::string_view{};
      case chunk_decoder::outcome::data:
        received_ += piece.data.size();
        if (received_ > body_max_) return std::unexpected(status::content_too_large);
        return piece.data;
      case chunk_decoder::outcome::incomplete: break;
    }
    if (!input_.empty()) continue;
    input_.added(WEFT_TRY(source_.fetch(input_.space(), until)));
  }
}

// Nearly every body has none, but for the empty line, which is not worth a block.
void request_body::keep_trailers(std::string_view text) {
  const bool only_line_end = text.empty() || text.front() == '\r' || text.front() == '\n';
  if (!only_line_end || !trailers_.empty()) trailers_.append(text);
}

result<std::string_view> request_body::all(deadline until) {
  WEFT_ASSERT(!read_from_, "read() has taken a part of it");
  if (!collected_) {
    whole_ = WEFT_TRY(chunked_ ? all_chunked(until) : all_plain(until));
    collected_ = true;
  }
  return whole_;
}

result<std::string_view> request_body::all_plain(deadline until) {
  const auto length = static_cast<std::size_t>(left_);
  if (copy_.empty() && input_.unread().size() >= length) {
    const std::string_view body = input_.unread().substr(0, length);
    input_.consume(length);
    left_ = 0;
    return body;
  }
  while (left_ != 0) {
    // Room for what has come or is about to come, not for what was announced: that costs the peer nothing.
    const std::size_t room =
        std::min<std::size_t>(static_cast<std::size_t>(left_), std::max<std::size_t>(copy_.size(), 16 << 10));
    char* const at = copy_.extend(room);
    const auto got = read_plain(std::as_writable_bytes(std::span{at, room}), until);
    copy_.shrink(copy_.size() - room + got.value_or(0));
    if (!got) return std::unexpected(got.error());
  }
  return copy_.text();
}

result<std::string_view> request_body::all_chunked(deadline until) {
  while (!ended_) copy_.append(WEFT_TRY(next_chunk_data(input_buffer::slack, until)));
  return copy_.text();
}

void request_body::skip_received() noexcept {
  if (!chunked_) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input_.unread().size()));
    input_.consume(length);
    left_ -= length;
    return;
  }
  while (!ended_ && !input_.empty()) {
    const chunk_decoder::piece piece = decoder_.next(input_.unread());
    input_.consume(piece.consumed);
    if (piece.what == chunk_decoder::outcome::done) ended_ = true;
    if (piece.what == chunk_decoder::outcome::failed) return;
  }
}

}  // namespace weft::http::detail

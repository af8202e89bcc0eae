#include "http_reader.hpp"

#include <algorithm>

#include <weft/runtime/base/errc.hpp>

using weft::http::detail::body_end;
using weft::http::detail::chunk_decoder;
using weft::http::detail::parse_outcome;

weft::result<answer> http_reader::next(weft::net::tcp_stream& from, weft::deadline until) {
  consumed_ = 0;
  do WEFT_TRY(read_head(from, until));
  while (static_cast<int>(head_.status) < 200);
  const bool goes_on = head_.keeps_connection(expected_.asked);
  const std::uint64_t body = WEFT_TRY(skip_body(from, until));
  return answer{.at = read_at_, .bytes = consumed_, .wrong = judge(body), .goes_on = goes_on};
}

void http_reader::reset() noexcept {
  answer_reader::reset();
  parser_.reset();
  decoder_.reset();
}

weft::result<void> http_reader::read_head(weft::net::tcp_stream& from, weft::deadline until) {
  parse_outcome outcome = parse_outcome::incomplete;
  while ((outcome = parser_.parse(input_.unread(), head_)) == parse_outcome::incomplete)
    WEFT_TRY(fetch(from, until));
  if (outcome == parse_outcome::failed) return std::unexpected(parser_.error());
  if (head_.status == weft::http::status::switching_protocols) return std::unexpected(weft::errc::protocol);
  parser_.reset();
  consume(head_.length);
  return {};
}

weft::result<std::uint64_t> http_reader::skip_body(weft::net::tcp_stream& from, weft::deadline until) {
  switch (head_.ends_with(expected_.asked)) {
    case body_end::head: return 0;
    case body_end::length: return skip_length(from, until);
    case body_end::last_chunk: return skip_chunks(from, until);
    case body_end::close: return skip_to_end(from, until);
  }
  return 0;
}

weft::result<std::uint64_t> http_reader::skip_length(weft::net::tcp_stream& from, weft::deadline until) {
  std::uint64_t left = head_.content_length;
  for (;;) {
    const std::size_t here = std::min<std::uint64_t>(left, input_.unread().size());
    consume(here);
    left -= here;
    if (left == 0) return head_.content_length;
    WEFT_TRY(fetch(from, until));
  }
}

weft::result<std::uint64_t> http_reader::skip_chunks(weft::net::tcp_stream& from, weft::deadline until) {
  decoder_.reset();
  for (std::uint64_t body = 0;;) {
    const chunk_decoder::piece piece = decoder_.next(input_.unread());
    consume(piece.consumed);
    body += piece.data.size();
    if (piece.what == chunk_decoder::outcome::failed) return std::unexpected(weft::errc::protocol);
    if (piece.what == chunk_decoder::outcome::done) return body;
    if (input_.empty()) WEFT_TRY(fetch(from, until));
  }
}

weft::result<std::uint64_t> http_reader::skip_to_end(weft::net::tcp_stream& from, weft::deadline until) {
  for (std::uint64_t body = 0;;) {
    body += input_.unread().size();
    consume(input_.unread().size());
    const auto more = fetch(from, until);
    if (!more && more.error() == weft::errc::end_of_stream) return body;
    WEFT_TRY(more);
  }
}

failure http_reader::judge(std::uint64_t body) const noexcept {
  const int status = static_cast<int>(head_.status);
  if (expected_.status ? status != *expected_.status : status > 299) return failure::status;
  return expected_.bytes && body != *expected_.bytes ? failure::content : failure::none;
}

void http_reader::consume(std::size_t bytes) noexcept {
  input_.consume(bytes);
  consumed_ += bytes;
}

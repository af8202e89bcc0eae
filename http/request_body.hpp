// The body of the request at hand, read as the handler asks for it: from what has come with the head, then
// from the peer.
//
// Errors are the answers that they deserve: bad_request for broken framing and for a peer that ends in the
// middle, content_too_large, request_timeout. They pass through a handler's WEFT_TRY to the client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>

#include <weft/http/input_buffer.hpp>
#include <weft/http/message/byte_buffer.hpp>
#include <weft/http/message/chunk_decoder.hpp>
#include <weft/http/message/request_head.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

/// Where more of the body comes from.
class body_source {
 public:
  /// Reads at least one byte from the peer; errors for its end too.
  [[nodiscard]] virtual result<std::size_t> fetch(std::span<std::byte> into, deadline until) = 0;

 protected:
  ~body_source() = default;
};

class request_body {
 public:
  request_body(input_buffer& input, body_source& source, std::pmr::memory_resource& memory) noexcept
      : input_{input}, source_{source}, copy_{memory}, trailers_{memory} {}

  /// Takes up the body behind `head`, which has been consumed from the input.
  void begin(const request_head& head, std::uint64_t body_max) noexcept;

  /// The next bytes of the body; 0 at its end.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until);

  /// All of the body, in one piece; the same again when asked again, and goes on where it stopped after a
  /// deadline. Not after read().
  [[nodiscard]] result<std::string_view> all(deadline until);

  /// Consumes what of the rest has already come.
  void skip_received() noexcept;

  /// Whether the end of the body was reached.
  bool ended() const noexcept { return chunked_ ? ended_ : left_ == 0; }
  /// Bytes that are still to come, for a body with a length.
  std::uint64_t left() const noexcept { return left_; }
  bool chunked() const noexcept { return chunked_; }
  /// The fields behind a chunked body that was read to its end, as lines that end with CRLF.
  std::string_view trailers() const noexcept { return trailers_.text(); }
  /// Gives the memory of what all() gave, and of trailers(), back.
  void release() noexcept {
    copy_.release();
    trailers_.release();
  }

 private:
  result<std::size_t> read_plain(std::span<std::byte> into, deadline until);
  result<std::string_view> next_chunk_data(std::size_t at_most, deadline until);
  result<std::string_view> all_plain(deadline until);
  result<std::string_view> all_chunked(deadline until);
  void keep_trailers(std::string_view text);

  input_buffer& input_;
  body_source& source_;
  std::uint64_t left_ = 0;      // of Content-Length
  std::uint64_t received_ = 0;  // decoded bytes of a chunked body
  std::uint64_t body_max_ = 0;
  bool chunked_ = false;
  bool ended_ = true;       // of a chunked body
  bool read_from_ = false;  // by read()
  bool collected_ = false;  // by all()
  std::string_view whole_;
  chunk_decoder decoder_;
  byte_buffer copy_;  // a body that does not fit into the input, or that was chunked
  byte_buffer trailers_;
};

}  // namespace weft::http::detail

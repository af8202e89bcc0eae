// One response as it comes from a server: its head, then its body in pieces.
//
// Knows nothing of connections but that bytes can be read from them, and reads none that it need not: whether
// the connection can be used again, reusable() tells when the response has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weft/http/input_buffer.hpp>
#include <weft/http/message/chunk_decoder.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/message/response_head.hpp>
#include <weft/http/message/response_parser.hpp>
#include <weft/http/transport.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http::detail {

class response_reader {
 public:
  /// Responses of the 1xx kind that may precede the one that counts. A guess: nobody sends more than two.
  static constexpr unsigned interim_max = 16;

  /// Reads from `from`, which outlives this, a head of at most `head_max` bytes.
  response_reader(peer_source& from, std::size_t head_max) noexcept
      : from_{from}, input_{head_max}, parser_{head_max} {}
  response_reader(const response_reader&) = delete;
  response_reader& operator=(const response_reader&) = delete;

  /// Reads the head of the response to a request of that method, past the interim ones before it. Once.
  ///
  /// Errors     end_of_stream: the peer ended before the head did; as response_parser::error(), and protocol
  ///            for a 101 that nobody asked for; those of the source.
  [[nodiscard]] result<void> read_head(method asked, deadline until);

  /// What read_head() has read; stays where it is.
  const response_head& head() const noexcept { return head_; }

  /// The next bytes of the body; 0 at its end, or if `into` is empty.
  ///
  /// Errors     end_of_stream: the peer ended before the body did; protocol; those of the source.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until);

  /// Drops what of the body has come already.
  void skip_received() noexcept;

  /// Whether a byte has come.
  bool begun() const noexcept { return begun_; }
  /// Whether the body has been read to its end.
  bool ended() const noexcept { return ended_; }
  /// Bytes of the body that are to come still, of one with a length; else 0.
  std::uint64_t left() const noexcept { return left_; }
  /// Whether another request may be sent where this response came from.
  bool reusable() const noexcept { return ended_ && keep_ && input_.empty(); }

 private:
  result<std::size_t> fetch(std::span<std::byte> into, deadline until);
  result<std::size_t> read_plain(std::span<std::byte> into, deadline until);
  result<std::size_t> read_chunked(std::span<std::byte> into, deadline until);
  void took(std::size_t bytes) noexcept;

  peer_source& from_;
  input_buffer input_;
  response_parser parser_;
  chunk_decoder decoder_;
  std::uint64_t left_ = 0;
  body_end end_ = body_end::head;
  bool begun_ = false;
  bool ended_ = false;
  bool keep_ = false;
  response_head head_;
};

}  // namespace weft::http::detail

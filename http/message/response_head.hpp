// The parsed head of a response: what was said, and how long the body is.
#pragma once

#include <cstdint>
#include <string_view>

#include <weft/http/message/message_head.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/message/status.hpp>

namespace weft::http::detail {

/// What ends the body of a response.
enum class body_end : std::uint8_t {
  head,        // there is none
  length,      // Content-Length
  last_chunk,  // Transfer-Encoding: chunked
  close,       // the end of the connection
};

struct response_head : message_head {
  std::string_view reason_text() const noexcept { return text(reason); }

  /// What ends the body of this response to a request of that method, which is not CONNECT. Source: RFC 9112,
  /// section 6.3.
  body_end ends_with(http::method asked) const noexcept;

  /// Whether the connection may be used again after the body. Source: RFC 9112, section 9.3.
  bool keeps_connection(http::method asked) const noexcept {
    return !says_close && (minor_version != 0 || says_keep_alive) && ends_with(asked) != body_end::close;
  }

  /// Forgets everything, for the next head.
  void clear() noexcept;

  http::status status{};  // 100 to 999: servers make up more than the standard knows
  slice reason{};
};

}  // namespace weft::http::detail

// The head of an HTTP/1 response, parsed strictly, in as many steps as its bytes take to come: as
// request_parser, with which it shares the grammar of fields and framing.
//
// Strict towards servers too, because a response that two readers split differently poisons the next one on
// the connection. One thing is forgiven: the space behind a status code without a reason may be missing, as
// many servers leave it out and nothing depends on it. A folded line is refused, where RFC 9112, section 5.2,
// would have it unfolded. Source: RFC 9112, section 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/http/message/field_parser.hpp>
#include <weft/http/message/response_head.hpp>
#include <weft/runtime/base/errc.hpp>

namespace weft::http::detail {

class response_parser : public field_parser {
 public:
  /// `head_max`: bytes of a whole head, at most 65535.
  explicit response_parser(std::size_t head_max) noexcept;

  /// Goes on with the head that begins at bytes[0]. `bytes` must begin with all that was given before, at any
  /// address.
  ///
  /// complete   `head` is filled; the head was bytes[0, head.length), and the body begins behind it.
  /// failed     error() says why. The connection has lost its framing and must be closed.
  /// Cost       as request_parser::parse().
  [[nodiscard]] parse_outcome parse(std::string_view bytes, response_head& head) noexcept;

  /// protocol; limit: the head is too long or has too many fields; unsupported: the version, or a transfer
  /// coding besides chunked.
  errc error() const noexcept;

  /// Makes ready for the next head.
  void reset() noexcept;

 private:
  enum class stage : std::uint8_t { version, status, reason_start, reason, line_end, fields };

  step advance(std::string_view bytes, response_head& head) noexcept;
  step parse_version(std::string_view bytes, response_head& head) noexcept;
  step parse_status(std::string_view bytes, response_head& head) noexcept;
  step parse_reason_start(std::string_view bytes) noexcept;
  step parse_reason(std::string_view bytes, response_head& head) noexcept;
  step parse_line_end(std::string_view bytes) noexcept;

  std::size_t head_max_;
  stage stage_ = stage::version;
};

}  // namespace weft::http::detail

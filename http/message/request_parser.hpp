// The head of an HTTP/1 request, parsed strictly, in as many steps as its bytes take to come.
//
// Pure: it reads the caller's bytes and nothing else, and keeps no copy. It resumes where it stopped, so that
// a head that drips in byte by byte costs linear time, and the outcome depends on the bytes only, never on
// how they were split.
//
// One grammar, no leniency: two servers that read one head differently are how requests are smuggled. The
// rules are RFC 9112 with the errata, and where it allows a choice, the refusal. Each refusal has a test that
// names its rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/http/message/field_parser.hpp>
#include <weft/http/message/request_head.hpp>
#include <weft/http/message/status.hpp>

namespace weft::http::detail {

struct head_limits {
  std::size_t head = 16 << 10;                         // bytes of a whole head: 431. At most 65535
  std::size_t target = 8 << 10;                        // bytes of a request-target: 414. Less than `head`
  std::size_t fields = request_head::fields_capacity;  // 431. At most the capacity
  std::size_t method = 32;                             // bytes of a method: 501
};

class request_parser : public field_parser {
 public:
  explicit request_parser(head_limits limits = {}) noexcept;

  /// Goes on with the head that begins at bytes[0]. `bytes` must begin with all that was given before, at any
  /// address.
  ///
  /// complete   `head` is filled; the head was bytes[0, head.length), and the body begins behind it.
  /// failed     error() says how to answer. The connection has lost its framing and must be closed.
  /// Cost       every byte is examined once, over all calls; a field's value a second time if the parser must
  /// know it.
  [[nodiscard]] parse_outcome parse(std::string_view bytes, request_head& head) noexcept;

  /// How to answer a head that failed.
  status error() const noexcept { return error_; }

  /// Makes ready for the next head.
  void reset() noexcept;

 private:
  enum class stage : std::uint8_t { leading, method, target, version, fields };

  step advance(std::string_view bytes, request_head& head) noexcept;
  step parse_leading(std::string_view bytes) noexcept;
  step parse_method(std::string_view bytes, request_head& head) noexcept;
  step parse_target(std::string_view bytes, request_head& head) noexcept;
  step parse_version(std::string_view bytes, request_head& head) noexcept;
  step parse_rest(std::string_view bytes, request_head& head) noexcept;
  step end_of_head(request_head& head) noexcept;
  bool understand(head_field field, request_head& head) noexcept;
  bool resolve_target(request_head& head) noexcept;

  head_limits limits_;
  stage stage_ = stage::leading;
  slice host_{};
};

}  // namespace weft::http::detail

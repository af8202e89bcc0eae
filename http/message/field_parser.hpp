// The field lines of a message head, up to the empty line that ends it, parsed strictly, in as many steps
// as their bytes take to come: what the parsers of requests and of responses share, so that both read one
// grammar.
//
// The parser of a whole head derives from it, reads its first line itself, and then lets parse_fields() go
// on from position_. What decides about framing, and Connection, is understood here. Source: RFC 9112,
// sections 5 and 6, with the errata; where it allows a choice, the refusal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/http/message/message_head.hpp>
#include <weft/http/message/status.hpp>

namespace weft::http::detail {

enum class parse_outcome : std::uint8_t { incomplete, complete, failed };

class field_parser {
 public:
  /// Whether a byte of a head has come that has not ended yet.
  bool begun() const noexcept { return position_ != 0; }

 protected:
  enum class step : std::uint8_t { next, incomplete, complete, failed };

  /// At most so many fields.
  explicit field_parser(std::size_t fields_max) noexcept;

  /// Calls advance(what `head_max` allows of `bytes`) until there is an outcome.
  template <class F>
  parse_outcome parse_head(std::string_view bytes, std::size_t head_max, message_head& head,
                           F advance) noexcept {
    const std::string_view allowed =
        bytes.substr(0, head_max);  // so that an over-long head fails the same at every split
    head.rebase(allowed.data());
    auto outcome = step::next;
    while (outcome == step::next) outcome = advance(allowed);
    if (outcome == step::incomplete && allowed.size() == head_max)
      outcome = fail(status::request_header_fields_too_large);
    return outcome == step::complete     ? parse_outcome::complete
           : outcome == step::incomplete ? parse_outcome::incomplete
                                         : parse_outcome::failed;
  }

  /// Reads "HTTP/1.1" or the like and then `after`, from mark_ on. The major version is none of its business.
  [[nodiscard]] step parse_version(std::string_view bytes, std::string_view after) noexcept;
  static constexpr std::size_t version_length = sizeof "HTTP/1.1" - 1;

  /// Goes on with the fields, the first of which begins at position_ = mark_.
  ///
  /// next       a Host or an Expect was added to head.fields, which is the derived parser's to understand.
  /// complete   the empty line was read, and the framing is sound.
  /// failed     error_ says how a server answers it.
  [[nodiscard]] step parse_fields(std::string_view bytes, message_head& head) noexcept;

  void reset_fields() noexcept {
    position_ = mark_ = 0;
    stage_ = stage::name;
  }

  step fail(status why) noexcept {
    error_ = why;
    return step::failed;
  }

  std::size_t position_ = 0;  // the first byte that was not examined yet
  std::size_t mark_ = 0;      // where the present element began
  status error_ = status::bad_request;

 private:
  enum class stage : std::uint8_t { name, value_space, value, value_end, head_end };

  step end_of_head(std::string_view bytes, message_head& head) noexcept;
  bool understand(head_field field, message_head& head) noexcept;

  std::size_t fields_max_;
  stage stage_ = stage::name;
  slice name_{};  // of the field whose value is being read
};

}  // namespace weft::http::detail

// The chunked transfer coding of a request body, decoded strictly, in as many steps as its bytes take to
// come.
//
// Pure, and incremental as request_parser is. Lines end with CRLF and nothing else; sizes are hexadecimal
// digits and nothing else; extensions and trailers must fit the grammar and are limited, and extensions are
// dropped.
// Source: RFC 9112, section 7.1, errata 7633.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/http/message/status.hpp>

namespace weft::http::detail {

class chunk_decoder {
 public:
  enum class outcome : std::uint8_t {
    incomplete,  // all was consumed, and more must come
    data,        // `data` are the next bytes of the body, a part of the input
    done,        // the body has ended, trailers included
    failed,      // error() says how to answer
  };
  struct piece {
    outcome what;
    std::size_t consumed;  // how much of the input is used up, `data` included
    std::string_view data;
    std::string_view trailers{};  // what of them, and of the empty line behind them, was in the input
  };

  /// Decodes on, up to the next data or the end of `input`, which must begin where the last piece ended.
  [[nodiscard]] piece next(std::string_view input) noexcept;

  status error() const noexcept { return status::bad_request; }
  void reset() noexcept { *this = {}; }

 private:
  enum class stage : std::uint8_t {
    size_start,
    size,
    size_space,
    extension_start,
    extension_name,
    extension_name_space,
    extension_value_start,
    extension_value,
    extension_quoted,
    extension_escape,
    extension_end,
    extension_space,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    done,
    failed,
  };

  static constexpr std::size_t line_max = 4 << 10;         // bytes of a size line, with its extensions
  static constexpr std::size_t extensions_max = 16 << 10;  // bytes of all extensions
  static constexpr std::size_t trailers_max = 16 << 10;    // bytes of all trailers
  static constexpr unsigned trailer_fields_max = 100;
  static constexpr std::uint64_t overhead_max =
      100 << 10;  // beyond this, framing may be at most three quarters of all bytes
  static constexpr std::uint64_t size_max = std::uint64_t{1} << 62;
  static constexpr std::size_t name_max = 24;  // longer names are none of those that a trailer must not have

  stage step(char c) noexcept;
  stage step_size(char c) noexcept;
  stage step_extension(char c) noexcept;
  stage step_trailer(char c) noexcept;
  stage end_of_size(char c) noexcept;
  bool forbidden_trailer() const noexcept;

  stage stage_ = stage::size_start;
  bool last_ = false;  // the chunk of size 0 has come
  unsigned char name_length_ = 0;
  unsigned trailer_fields_ = 0;
  std::uint64_t left_ = 0;  // bytes of the present chunk that have not come
  std::uint64_t payload_ = 0;
  std::uint64_t overhead_ = 0;
  std::size_t line_ = 0;  // bytes of the present size line
  std::size_t extensions_ = 0;
  std::size_t trailers_ = 0;
  char name_[name_max] = {};  // the trailer's name, as far as it goes
};

}  // namespace weft::http::detail

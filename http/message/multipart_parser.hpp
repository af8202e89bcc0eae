// The parts of a multipart body, told apart in as many steps as its bytes take to come.
//
// Pure, and incremental: what it has not consumed must be given again, with more behind it. Nothing may stand
// before the first delimiter but a line end; what follows the last is dropped. Source: RFC 2046, section 5.1;
// RFC 7578.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/http/message/status.hpp>

namespace weft::http::detail {

struct multipart_part_limits {
  std::size_t parts = 128;
  std::size_t head = 4 << 10;  // bytes of the fields of one part
};

class multipart_parser {
 public:
  static constexpr std::size_t boundary_max = 70;
  /// How much of a body may be unconsumed while more of it is asked for, in bytes.
  static constexpr std::size_t window_of(const multipart_part_limits& limits) noexcept {
    return limits.head + boundary_max + 8;
  }

  enum class outcome : std::uint8_t {
    incomplete,   // more must come, behind what was not consumed
    head,         // a part begins: `data` are its fields, as lines that end with CRLF
    data,         // `data` are the next bytes of the part
    end_of_part,  // it has ended
    done,         // so has the last one
    failed,       // error() says how to answer
  };
  struct piece {
    outcome what;
    std::size_t consumed;
    std::string_view data{};
  };

  /// `boundary`: see is_boundary().
  explicit multipart_parser(std::string_view boundary, multipart_part_limits limits = {});

  [[nodiscard]] piece next(std::string_view input) noexcept;

  /// bad_request, or content_too_large beyond a limit.
  status error() const noexcept { return error_; }

  /// Whether the text is one that a delimiter may be made of.
  static bool is_boundary(std::string_view text) noexcept;

 private:
  enum class stage : std::uint8_t { start, behind_delimiter, head, data_start, data, done, failed };

  piece find_first(std::string_view input) noexcept;
  piece end_delimiter(std::string_view input) noexcept;
  piece take_head(std::string_view input) noexcept;
  piece begin_data(std::string_view input) noexcept;
  piece take_data(std::string_view input) noexcept;
  piece fail(status why) noexcept;

  std::string delimiter_;  // with the line end before it
  multipart_part_limits limits_;
  stage stage_ = stage::start;
  status error_ = status::bad_request;
  std::size_t parts_ = 0;
  std::size_t scanned_ = 0;  // of a head that has not ended
  std::size_t padding_ = 0;  // spaces behind the delimiter
};

}  // namespace weft::http::detail

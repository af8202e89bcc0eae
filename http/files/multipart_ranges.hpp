// Several ranges of one body as one body: multipart/byteranges. What stands between the ranges, and how long
// it all is; the ranges themselves are whoever sends them's.
//
// Source: RFC 9110, section 14.6; RFC 2046, section 5.1.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weft/http/message/byte_range.hpp>

namespace weft::http::detail {

/// The value of Content-Range for one of them.
std::string content_range(byte_range r, std::uint64_t size);

class multipart_ranges {
 public:
  /// Of a body of `size` bytes and that type. `boundary` must not occur in the body: random is enough. What
  /// is given is borrowed.
  multipart_ranges(const byte_ranges& ranges, std::uint64_t size, std::string_view type,
                   std::string_view boundary) noexcept
      : ranges_{ranges}, size_{size}, type_{type}, boundary_{boundary} {}

  std::string content_type() const;
  /// Of all, in bytes.
  std::uint64_t length() const;
  /// What stands before the range of that index, and what behind the last one.
  std::string before(std::size_t index) const;
  std::string end() const;

 private:
  const byte_ranges& ranges_;
  const std::uint64_t size_;
  const std::string_view type_, boundary_;
};

/// 32 random characters.
std::string random_boundary();

}  // namespace weft::http::detail

// A content coding that this build can write. Source: RFC 9110, section 8.4.1.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::http::detail {

struct encoder {
  std::string_view name;  // "gzip"
  /// The text, encoded; none if there was no memory for it. Computes, and waits for nothing. May want tens of
  /// kilobytes of stack.
  std::optional<std::string> (*encode)(std::string_view text);
};

/// What the build found libraries for, the best first.
std::span<const encoder> encoders() noexcept;

std::optional<std::string> encode_gzip(std::string_view text);    // with zlib
std::optional<std::string> encode_brotli(std::string_view text);  // with libbrotlienc
std::optional<std::string> encode_zstd(std::string_view text);    // with libzstd

}  // namespace weft::http::detail

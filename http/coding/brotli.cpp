// brotli. Source: RFC 7932; the header of libbrotlienc.
#include <brotli/encode.h>

#include <algorithm>
#include <bit>

#include <weft/http/coding/encoder.hpp>

namespace weft::http::detail {
namespace {

// As fast as gzip's default, and smaller; the library's own default of 11 is for what is compressed once.
constexpr int quality = 4;

}  // namespace

std::optional<std::string> encode_brotli(std::string_view text) {
  std::string encoded(BrotliEncoderMaxCompressedSize(text.size()), '\0');
  std::size_t length = encoded.size();
  // A window no larger than the text costs no more memory than it needs.
  const int window = std::clamp(static_cast<int>(std::bit_width(text.size())), 16, BROTLI_DEFAULT_WINDOW);
  if (BrotliEncoderCompress(quality, window, BROTLI_MODE_TEXT, text.size(),
                            reinterpret_cast<const std::uint8_t*>(text.data()), &length,
                            reinterpret_cast<std::uint8_t*>(encoded.data())) == BROTLI_FALSE)
    return std::nullopt;
  encoded.resize(length);
  return encoded;
}

}  // namespace weft::http::detail

// zstd. Source: RFC 8878; the header of libzstd.
#include <zstd.h>

#include <weft/http/coding/encoder.hpp>

namespace weft::http::detail {
namespace {

// The library's default. Its window is 2 MiB at most, below the 8 that RFC 9659 lets decoders refuse.
constexpr int level = 3;

}  // namespace

std::optional<std::string> encode_zstd(std::string_view text) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();  // ZSTD_compress() would have it on the stack
  if (context == nullptr) return std::nullopt;
  std::string encoded(ZSTD_compressBound(text.size()), '\0');
  const std::size_t length =
      ZSTD_compressCCtx(context, encoded.data(), encoded.size(), text.data(), text.size(), level);
  ZSTD_freeCCtx(context);
  if (ZSTD_isError(length) != 0) return std::nullopt;
  encoded.resize(length);
  return encoded;
}

}  // namespace weft::http::detail

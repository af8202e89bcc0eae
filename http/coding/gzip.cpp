// gzip, by zlib. Source: RFC 1952; zlib's manual.
#include <zlib.h>

#include <weft/http/coding/encoder.hpp>

namespace weft::http::detail {
namespace {

// The middle of what it offers: beyond it, a few percent of size cost several times the processor's time.
constexpr int level = 6;
constexpr int gzip_window = 15 + 16;  // of 32 KiB, in gzip's format
constexpr int memory_level = 8;       // zlib's own default: 256 KiB for each text

}  // namespace

std::optional<std::string> encode_gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string encoded(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
  stream.avail_out = static_cast<uInt>(encoded.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  encoded.resize(stream.total_out);
  deflateEnd(&stream);
  return whole ? std::optional{std::move(encoded)} : std::nullopt;
}

}  // namespace weft::http::detail

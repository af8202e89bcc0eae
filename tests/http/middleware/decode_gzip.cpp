#include <zlib.h>

#include "decoders.hpp"

namespace {

const weft::testing::decoder gzip{
    "gzip", [](std::string_view encoded, std::size_t size) {
      std::string text(size + 1, '\0');  // one more: what is longer shows
      z_stream stream{};
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(encoded.data()));
      stream.avail_in = static_cast<uInt>(encoded.size());
      stream.next_out = reinterpret_cast<Bytef*>(text.data());
      stream.avail_out = static_cast<uInt>(text.size());
      const bool whole = inflateInit2(&stream, 15 + 16) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
      text.resize(stream.total_out);
      inflateEnd(&stream);
      return whole && stream.avail_in == 0 ? text : "not gzip";
    }};

}  // namespace

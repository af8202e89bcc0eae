// Text as gzip and deflate have it.
#pragma once

#include <string>
#include <string_view>

#include <zlib.h>

constexpr int as_gzip = 15 + 16;
constexpr int as_deflate = 15;
constexpr int as_bare_deflate = -15;

inline std::string compressed(std::string_view text, int window) {
  z_stream s{};
  deflateInit2(&s, Z_BEST_COMPRESSION, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&s, text.size()) + 100, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  s.avail_in = static_cast<uInt>(text.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  deflate(&s, Z_FINISH);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}

// The chunk decoder must give the same body however its bytes are split.
#include <weft/http/message/chunk_decoder.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using weft::http::detail::chunk_decoder;

namespace {

struct decoded {
  std::string body;
  chunk_decoder::outcome what = chunk_decoder::outcome::incomplete;
};

decoded decode(std::string_view bytes, std::size_t step) {
  chunk_decoder decoder;
  decoded result;
  while (!bytes.empty() && result.what == chunk_decoder::outcome::incomplete) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty() && result.what == chunk_decoder::outcome::incomplete) {
      const auto got = decoder.next(piece);
      if (got.consumed > piece.size()) std::abort();
      piece.remove_prefix(got.consumed);
      result.body += got.data;
      if (got.what == chunk_decoder::outcome::done || got.what == chunk_decoder::outcome::failed)
        result.what = got.what;
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const decoded whole = decode(bytes, bytes.size());
  const decoded split = decode(bytes, 1 + data[0] % 16);
  if (whole.what != split.what || whole.body != split.body) std::abort();
  return 0;
}

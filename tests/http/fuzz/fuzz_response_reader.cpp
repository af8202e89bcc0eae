// A response must be the same, head and body, however its bytes are split.
#include <weft/http/client/response_reader.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "scripted_transport.hpp"

using namespace weft::http::detail;

namespace {

struct outcome {
  int status = 0;
  std::string body;
  std::error_code error;

  bool operator==(const outcome&) const = default;
};

outcome read(std::string_view bytes, std::size_t step, std::size_t room) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += step) pieces.emplace_back(bytes.substr(at, step));
  scripted_transport from{std::move(pieces)};
  response_reader reader{from, 1 << 10};
  outcome got;
  if (const auto head = reader.read_head(weft::http::method::get, {}); !head) {
    got.error = head.error();
    return got;
  }
  got.status = static_cast<int>(reader.head().status);
  std::vector<std::byte> buffer(room);
  for (;;) {
    const auto count = reader.read(buffer, {});
    if (!count) got.error = count.error();
    if (!count || *count == 0) break;
    if (*count > room) std::abort();
    got.body.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
  if (reader.reusable() && !reader.ended()) std::abort();
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  outcome whole = read(bytes, bytes.size() + 1, 1000);
  outcome split = read(bytes, 1 + data[0] % 16, 1 + data[0] / 16);
  if (!(whole == split)) std::abort();
  return 0;
}

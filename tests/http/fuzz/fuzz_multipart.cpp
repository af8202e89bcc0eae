// The parts of a body, whatever it holds: the same however it is split, and never read beyond. Its fields'
// parameters are parsed too.
#include <cstdint>
#include <cstdlib>
#include <string>

#include <weft/http/message/parameters.hpp>

#include "multipart_events.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const weft::http::detail::multipart_part_limits limits{.parts = 5, .head = 50};
  const std::string whole = multipart_events(bytes, "x", [&] { return bytes.size(); }, limits);
  const std::size_t step = std::size_t{1} + data[0] % 16;
  if (multipart_events(bytes, "x", [&] { return step; }, limits) != whole) std::abort();
  std::string value;
  static_cast<void>(weft::http::detail::find_parameter(bytes, "x", value));
  return 0;
}

// A proxy's header must get one verdict however its bytes are split, and be no longer than is allowed.
#include <weft/http/message/proxy_header.hpp>

#include "head_runs.hpp"

using namespace weft::http::detail;

namespace {

// In a block of just that size, for AddressSanitizer.
parse_outcome parse(std::string_view bytes, proxy_header& header) {
  const std::unique_ptr<char[]> copy{new char[bytes.size()]};
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return parse_proxy_header({copy.get(), bytes.size()}, header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  proxy_header whole, split;
  const parse_outcome outcome = parse(bytes, whole);
  const std::size_t step = 1 + data[0] % 16;
  parse_outcome last = parse_outcome::incomplete;
  for (std::size_t at = step; last == parse_outcome::incomplete; at += step) {
    last = parse(bytes.substr(0, at), split);
    if (at >= bytes.size()) break;
  }
  check(outcome == last);
  if (outcome == parse_outcome::incomplete) check(bytes.size() < proxy_header::binary_max);
  if (outcome != parse_outcome::complete) return 0;
  check(whole.length == split.length && whole.length <= bytes.size());
  check(whole.length <= (bytes[0] == 'P' ? proxy_header::text_max : proxy_header::binary_max));
  check(whole.source == split.source && whole.destination == split.destination);
  check(whole.source.has_value() == whole.destination.has_value());
  if (whole.source) check(whole.source->is_v4() == whole.destination->is_v4());
  return 0;
}

// The parser must give one verdict however its bytes are split, and read none behind their end.
#include <weft/http/request_parser.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

using namespace weft::http::detail;

namespace {

struct run {
  request_parser parser;
  request_head head;
  parse_outcome outcome = parse_outcome::incomplete;

  // In a block of just that size, for AddressSanitizer.
  void give(std::string_view bytes) {
    std::unique_ptr<char[]> copy{new char[bytes.size()]};
    std::copy(bytes.begin(), bytes.end(), copy.get());
    outcome = parser.parse({copy.get(), bytes.size()}, head);
    head.rebase(bytes.data());
  }
};

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  run whole;
  whole.give(bytes);
  run split;
  const std::size_t step = 1 + data[0] % 16;
  for (std::size_t at = step; split.outcome == parse_outcome::incomplete; at += step) {
    split.give(bytes.substr(0, at));
    if (at >= bytes.size()) break;
  }
  check(whole.outcome == split.outcome);
  if (whole.outcome == parse_outcome::failed) check(whole.parser.error() == split.parser.error());
  if (whole.outcome != parse_outcome::complete) return 0;
  check(whole.head.length == split.head.length && whole.head.field_count == split.head.field_count);
  check(whole.head.length <= bytes.size());
  check(!(whole.head.chunked && whole.head.has_content_length));
  for (std::size_t i = 0; i < whole.head.field_count; ++i) {
    const std::string_view value = whole.head.text(whole.head.fields[i].value);
    check(value == split.head.text(split.head.fields[i].value));
    check(value.find_first_of(std::string_view{"\r\n\0", 3}) == value.npos);
  }
  return 0;
}

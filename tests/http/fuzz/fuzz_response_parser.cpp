// The parser of responses must give one verdict however its bytes are split, and read none behind their end.
#include <weft/http/message/response_parser.hpp>

#include "head_runs.hpp"

using namespace weft::http::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse_whole_and_split<response_parser, response_head>(data, size, response_parser{16 << 10});
  return 0;
}

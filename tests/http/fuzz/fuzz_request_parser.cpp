// The parser of requests must give one verdict however its bytes are split, and read none behind their end.
#include <weft/http/message/request_parser.hpp>

#include "head_runs.hpp"

using namespace weft::http::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse_whole_and_split<request_parser, request_head>(data, size, request_parser{});
  return 0;
}

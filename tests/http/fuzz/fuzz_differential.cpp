// A request that weft accepts is read in the same way by http_parser, head and body.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "message/second_opinion.hpp"
#include "message/spelled_request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view given{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::string bytes = data[0] % 2 == 0 ? std::string{given} : spelled_request(given);
  const std::string what = disagreement(bytes);
  if (what.empty()) return 0;
  std::fprintf(stderr, "http_parser reads differently: %s\n%s\n", what.c_str(), bytes.c_str());
  std::abort();
}

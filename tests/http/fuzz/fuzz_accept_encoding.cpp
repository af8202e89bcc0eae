// Whatever Accept-Encoding says, a weight lies between 0 and 1000, and one that is added last counts.
#include <cstdint>
#include <cstdlib>
#include <string>

#include <weft/http/coding/accept_encoding.hpp>

using weft::http::detail::coding_weight;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string field{reinterpret_cast<const char*>(data), size};
  for (const char* coding : {"gzip", "br", "identity"}) {
    const int weight = coding_weight(field, coding);
    if (weight < 0 || weight > 1000) std::abort();
    if (coding_weight(field + ", " + coding + ";q=0.25", coding) != 250) std::abort();
  }
  return 0;
}

// Base64: what is decoded is encoded to the same text again, in either alphabet.
#include <cstdint>
#include <cstdlib>

#include <weft/http/auth/base64.hpp>

using namespace weft::http::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto alphabet : {base64_alphabet::standard, base64_alphabet::url}) {
    const auto bytes = decode_base64(text, alphabet);
    if (bytes && encode_base64(*bytes, alphabet) != text) std::abort();
    if (decode_base64(encode_base64(text, alphabet), alphabet) != text) std::abort();
  }
  return 0;
}

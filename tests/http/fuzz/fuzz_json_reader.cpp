// JSON: the members that are found lie in the text, and each of their values is one.
#include <cstdint>
#include <cstdlib>
#include <string>

#include <weft/http/auth/json_reader.hpp>

using namespace weft::http::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  read_json_string(text);
  read_json_number(text);
  read_json_strings(text);
  const auto all = read_json_object(text);
  if (!all) return 0;
  for (const json_member& m : *all) {
    if (m.value.data() < text.data() || m.value.data() + m.value.size() > text.data() + size) std::abort();
    if (!read_json_object("{\"a\":" + std::string{m.value} + '}')) std::abort();
  }
  return 0;
}

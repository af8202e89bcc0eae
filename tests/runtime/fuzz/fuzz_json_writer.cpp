// Any bytes as a JSON string: it ends where it should, is valid UTF-8, and plain text stays as it is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <weft/runtime/base/json_writer.hpp>

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_inside(std::string_view inside) {
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const auto c = static_cast<unsigned char>(inside[i]);
    check(c >= 0x20 && c != '"');
    if (c != '\\') continue;
    check(++i < inside.size());
    check(std::string_view{"\"\\nrtu"}.find(inside[i]) != std::string_view::npos);
    if (inside[i] != 'u') continue;
    check(i + 4 < inside.size());
    check(inside.substr(i + 1, 4).find_first_not_of("0123456789abcdef") == std::string_view::npos);
    i += 4;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  std::string once;
  weft::detail::append_json_string(once, text);
  check(once.size() >= 2 && once.front() == '"' && once.back() == '"');
  const std::string_view inside = std::string_view{once}.substr(1, once.size() - 2);
  check_inside(inside);
  const bool plain = std::ranges::all_of(
      text, [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (plain) check(inside == text);
  // What is written is valid, so that writing it again replaces nothing: only quotes and escapes grow.
  std::string twice;
  weft::detail::append_json_string(twice, inside);
  std::string undone;
  for (std::size_t i = 1; i + 1 < twice.size(); ++i) {
    if (twice[i] == '\\') ++i;
    undone += twice[i];
  }
  check(undone == inside);
  return 0;
}

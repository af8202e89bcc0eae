// Text taken apart and a WebSocket message unmasked, with the widest vectors of the processor.
//
//   byte_kernels
#include <weft/weft.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace simd = weft::simd;
using namespace std::string_view_literals;

constexpr weft::byte_set separators{" ,;\t"};

int main() {
  std::size_t words = 0, letters = 0;
  for (std::string_view text = "one, two;three\tand, at last, four"; !text.empty();) {
    const std::size_t length = simd::find_any_of(text, separators);
    words += length != 0;
    letters += length;
    text.remove_prefix(length);
    text.remove_prefix(simd::find_any_of(text, ~separators));  // the end of the run of separators
  }
  std::printf("%zu words, %zu letters\n", words, letters);

  // "Hello" as RFC 6455, section 5.7, sends it; unmasked in place, in two parts as it may arrive.
  constexpr std::array key{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};
  std::string message = "\x7f\x9f\x4d\x51\x58";
  const auto bytes = std::as_writable_bytes(std::span{message});
  simd::xor_into(bytes.first(3), key);
  simd::xor_into(bytes.subspan(3), key, 3);
  std::printf("%s\n", simd::equal(message, "Hello"sv) ? message.c_str() : "?");
}

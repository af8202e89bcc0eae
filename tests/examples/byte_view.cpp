// What can be sent: text, strings, spans of bytes; each becomes a byte_view by itself.
//
//   byte_view
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

using namespace std::string_view_literals;

std::size_t checksum(weft::byte_view bytes) {
  std::size_t sum = 0;
  for (const std::byte b : bytes) sum = sum * 31 + std::to_integer<std::size_t>(b);
  return sum % 1000;
}

int main() {
  const std::array<std::byte, 2> bytes{std::byte{'o'}, std::byte{'k'}};
  std::printf("%zu %zu %zu\n", checksum(bytes), checksum("ok"sv), checksum(std::string{"ok"}));
}

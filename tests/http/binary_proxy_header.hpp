// What tests of the PROXY protocol share: headers of its second version, put together from their parts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::testing {

inline std::string two_bytes(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// `command`: version and command; `kind`: family and transport; `block`: all that follows the length.
inline std::string binary_proxy_header(int command, int kind, std::string_view block) {
  std::string header{"\r\n\r\n\0\r\nQUIT\n", 12};
  header += static_cast<char>(command);
  header += static_cast<char>(kind);
  return header + two_bytes(block.size()) + std::string{block};
}

/// 192.0.2.7:1234 to 198.51.100.8:443
inline std::string ipv4_block() {
  return std::string{"\xc0\x00\x02\x07\xc6\x33\x64\x08", 8} + two_bytes(1234) + two_bytes(443);
}

}  // namespace weft::testing

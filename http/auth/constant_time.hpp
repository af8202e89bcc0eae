// Comparison of secrets.
#pragma once

#include <cstddef>
#include <string_view>

namespace weft::http {

/// Whether `given` is the secret. How long it takes depends on the length of `given`, which its sender knows,
/// and neither on the secret nor on where they begin to differ.
inline bool equals_secret(std::string_view given, std::string_view secret) noexcept {
  std::size_t difference = given.size() ^ secret.size();
  // Compared with itself where the secret ends, so that its length does not show.
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char wanted = i < secret.size() ? secret[i] : given[i];
    difference |= static_cast<unsigned char>(given[i] ^ wanted);
    asm volatile("" : "+r"(difference));  // or the compiler might leave when it is no longer zero
  }
  return difference == 0;
}

}  // namespace weft::http

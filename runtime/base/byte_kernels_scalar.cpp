// The byte kernels without vectors: for every processor, and what the others are compared with.
#include <weft/runtime/base/byte_kernel_table.hpp>

namespace weft::detail {
namespace {

void copy(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
  if (n != 0) __builtin_memcpy(to, from, n);
}

bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
  return n == 0 || __builtin_memcmp(a, b, n) == 0;
}

void xor_into(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) to[i] ^= from[i];
}

void xor_key(std::uint8_t* data, std::size_t n, std::uint32_t key) noexcept {
  std::uint8_t bytes[4];
  __builtin_memcpy(bytes, &key, sizeof bytes);
  for (std::size_t i = 0; i < n; ++i) data[i] ^= bytes[i % 4];
}

std::size_t find_byte(const std::uint8_t* in, std::size_t n, std::uint8_t what) noexcept {
  std::size_t i = 0;
  while (i < n && in[i] != what) ++i;
  return i;
}

std::size_t find_any_of(const std::uint8_t* in, std::size_t n, const std::uint8_t* rows) noexcept {
  std::size_t i = 0;
  while (i < n && (rows[(in[i] >> 7) * 16 + (in[i] & 0x0f)] >> (in[i] >> 4 & 0x07) & 1) == 0) ++i;
  return i;
}

}  // namespace

const byte_kernel_table byte_kernels_scalar{simd::level::scalar, copy,       equal, xor_into, xor_key,
                                            find_byte,           find_any_of};

}  // namespace weft::detail

// Lanes of 16 bytes with what every x86-64 processor has. See byte_lanes.hpp.
#pragma once

#include <emmintrin.h>

#include <weft/runtime/base/byte_lanes.hpp>

namespace weft::detail {
namespace {

struct sse2_lanes {
  using vector = __m128i;
  using match = __m128i;  // 0xff in each byte that matches
  static constexpr std::size_t width = 16;

  static vector load(const std::uint8_t* from) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  }
  static vector load_short(const std::uint8_t* from, std::size_t n) noexcept {
    const word_pair words = load_short_pair(from, n);
    return _mm_set_epi64x(static_cast<long long>(words.high), static_cast<long long>(words.low));
  }
  static void store(std::uint8_t* to, vector v) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), v);
  }
  static vector splat(std::uint8_t b) noexcept { return _mm_set1_epi8(static_cast<char>(b)); }
  static vector splat_word(std::uint32_t w) noexcept { return _mm_set1_epi32(static_cast<int>(w)); }
  static vector exclusive_or(vector a, vector b) noexcept { return _mm_xor_si128(a, b); }
  static vector either(vector a, vector b) noexcept { return _mm_or_si128(a, b); }
  static bool nonzero(vector v) noexcept {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) != 0xffff;
  }

  static match equal(vector a, vector b) noexcept { return _mm_cmpeq_epi8(a, b); }
  static match both_matches(match a, match b) noexcept { return _mm_or_si128(a, b); }
  static bool any(match m) noexcept { return _mm_movemask_epi8(m) != 0; }
  static std::size_t first(match m) noexcept {
    return static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(_mm_movemask_epi8(m))));
  }
};

}  // namespace
}  // namespace weft::detail

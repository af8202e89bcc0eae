// Lanes of 16 bytes with table look-ups. See byte_lanes.hpp.
#pragma once

#include <nmmintrin.h>

#include <weft/runtime/base/byte_lanes_sse2.hpp>

namespace weft::detail {
namespace {

struct sse42_lanes : sse2_lanes {
  /// A byte_set's rows: pshufb answers zero for an index from 0x80, which is what the two banks are for.
  struct byte_rows {
    explicit byte_rows(const std::uint8_t* rows) noexcept : low{load(rows)}, high{load(rows + 16)} {}
    __m128i low, high;
  };

  static bool nonzero(vector v) noexcept { return _mm_testz_si128(v, v) == 0; }

  static match in_set(vector v, const byte_rows& rows) noexcept {
    const __m128i bit_of_high_half =
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    const __m128i row = _mm_or_si128(_mm_shuffle_epi8(rows.low, v),
                                     _mm_shuffle_epi8(rows.high, _mm_xor_si128(v, _mm_set1_epi8(-128))));
    const __m128i high_half = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0f));
    const __m128i bit = _mm_shuffle_epi8(bit_of_high_half, high_half);
    return _mm_cmpeq_epi8(_mm_and_si128(row, bit), bit);
  }
};

}  // namespace
}  // namespace weft::detail

// Compiled with -mavx512bw -mavx512vl, for lanes of 64 bytes. See byte_lanes.hpp.
//
// Loads and stores take a mask and touch no byte that it leaves out, so that nothing shorter than a register
// needs words; a comparison gives a mask, too.
#include <immintrin.h>

#include <weft/runtime/base/byte_lanes.hpp>

namespace weft::detail {
namespace {

struct avx512bw_lanes {
  using vector = __m512i;
  using match = __mmask64;
  static constexpr std::size_t width = 64;

  /// A byte_set's rows, once for each quarter of the register: vpshufb looks up within quarters.
  struct byte_rows {
    explicit byte_rows(const std::uint8_t* rows) noexcept
        : low{four_times(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows)))},
          high{four_times(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + 16)))} {}
    __m512i low, high;
  };

  // With a mask of all ones: GCC 12 takes the plain intrinsic for a use of something uninitialised.
  static vector four_times(__m128i v) noexcept { return _mm512_maskz_broadcast_i32x4(0xffff, v); }
  static __mmask64 first_bytes(std::size_t n) noexcept { return (__mmask64{1} << n) - 1; }  // n < 64

  static vector load(const std::uint8_t* from) noexcept { return _mm512_loadu_si512(from); }
  static vector load_short(const std::uint8_t* from, std::size_t n) noexcept {
    return _mm512_maskz_loadu_epi8(first_bytes(n), from);
  }
  static void store(std::uint8_t* to, vector v) noexcept { _mm512_storeu_si512(to, v); }
  static void store_short(std::uint8_t* to, std::size_t n, vector v) noexcept {
    _mm512_mask_storeu_epi8(to, first_bytes(n), v);
  }
  static vector splat(std::uint8_t b) noexcept { return _mm512_set1_epi8(static_cast<char>(b)); }
  static vector splat_word(std::uint32_t w) noexcept { return _mm512_set1_epi32(static_cast<int>(w)); }
  static vector exclusive_or(vector a, vector b) noexcept { return _mm512_xor_si512(a, b); }
  static vector either(vector a, vector b) noexcept { return _mm512_or_si512(a, b); }
  static bool nonzero(vector v) noexcept { return _mm512_test_epi8_mask(v, v) != 0; }

  static match equal(vector a, vector b) noexcept { return _mm512_cmpeq_epi8_mask(a, b); }
  static match both_matches(match a, match b) noexcept { return a | b; }
  static bool any(match m) noexcept { return m != 0; }
  static std::size_t first(match m) noexcept { return static_cast<std::size_t>(__builtin_ctzll(m)); }

  static match in_set(vector v, const byte_rows& rows) noexcept {
    const __m512i bit_of_high_half =
        four_times(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
    const __m512i other_bank = _mm512_xor_si512(v, _mm512_set1_epi8(-128));
    const __m512i row =
        _mm512_or_si512(_mm512_shuffle_epi8(rows.low, v), _mm512_shuffle_epi8(rows.high, other_bank));
    const __m512i high_half = _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(0x0f));
    return _mm512_test_epi8_mask(row, _mm512_shuffle_epi8(bit_of_high_half, high_half));
  }
};

using kernels = byte_kernels_over<avx512bw_lanes>;

}  // namespace

const byte_kernel_table byte_kernels_avx512bw{simd::level::avx512bw, kernels::copy,    kernels::equal,
                                              kernels::xor_into,     kernels::xor_key, kernels::find_byte,
                                              kernels::find_any_of};

}  // namespace weft::detail

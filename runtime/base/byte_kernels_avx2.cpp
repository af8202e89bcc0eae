// Compiled with -mavx2, for lanes of 32 bytes. See byte_lanes.hpp.
#include <immintrin.h>

#include <weft/runtime/base/byte_lanes_sse42.hpp>

namespace weft::detail {
namespace {

struct avx2_lanes {
  using vector = __m256i;
  using match = __m256i;  // 0xff in each byte that matches
  using half = sse42_lanes;
  static constexpr std::size_t width = 32;

  /// A byte_set's rows, once for each half of the register: vpshufb looks up within halves.
  struct byte_rows {
    explicit byte_rows(const std::uint8_t* rows) noexcept
        : low{_mm256_broadcastsi128_si256(half::load(rows))},
          high{_mm256_broadcastsi128_si256(half::load(rows + 16))} {}
    __m256i low, high;
  };

  static vector load(const std::uint8_t* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void store(std::uint8_t* to, vector v) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v);
  }
  static vector splat(std::uint8_t b) noexcept { return _mm256_set1_epi8(static_cast<char>(b)); }
  static vector splat_word(std::uint32_t w) noexcept { return _mm256_set1_epi32(static_cast<int>(w)); }
  static vector exclusive_or(vector a, vector b) noexcept { return _mm256_xor_si256(a, b); }
  static vector either(vector a, vector b) noexcept { return _mm256_or_si256(a, b); }
  static bool nonzero(vector v) noexcept { return _mm256_testz_si256(v, v) == 0; }

  static match equal(vector a, vector b) noexcept { return _mm256_cmpeq_epi8(a, b); }
  static match both_matches(match a, match b) noexcept { return _mm256_or_si256(a, b); }
  static bool any(match m) noexcept { return _mm256_movemask_epi8(m) != 0; }
  static std::size_t first(match m) noexcept {
    return static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(_mm256_movemask_epi8(m))));
  }

  static match in_set(vector v, const byte_rows& rows) noexcept {
    const __m256i bit_of_high_half = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
    const __m256i other_bank = _mm256_xor_si256(v, _mm256_set1_epi8(-128));
    const __m256i row =
        _mm256_or_si256(_mm256_shuffle_epi8(rows.low, v), _mm256_shuffle_epi8(rows.high, other_bank));
    const __m256i high_half = _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0f));
    const __m256i bit = _mm256_shuffle_epi8(bit_of_high_half, high_half);
    return _mm256_cmpeq_epi8(_mm256_and_si256(row, bit), bit);
  }
};

using kernels = byte_kernels_over<avx2_lanes>;

}  // namespace

const byte_kernel_table byte_kernels_avx2{simd::level::avx2,   kernels::copy,    kernels::equal,
                                          kernels::xor_into,   kernels::xor_key, kernels::find_byte,
                                          kernels::find_any_of};

}  // namespace weft::detail

// For aarch64, lanes of 16 bytes. See byte_lanes.hpp.
//
// There is no instruction that gathers a bit per byte; narrowing each pair of bytes by four bits gives four
// bits per byte in a 64-bit word, which serves as well.
#include <arm_neon.h>

#include <weft/runtime/base/byte_lanes.hpp>

namespace weft::detail {
namespace {

struct neon_lanes {
  using vector = uint8x16_t;
  using match = uint8x16_t;  // 0xff in each byte that matches
  static constexpr std::size_t width = 16;

  /// A byte_set's rows: tbl answers zero for an index from 16, which is what the two banks are for.
  struct byte_rows {
    explicit byte_rows(const std::uint8_t* rows) noexcept : low{load(rows)}, high{load(rows + 16)} {}
    uint8x16_t low, high;
  };

  static vector load(const std::uint8_t* from) noexcept { return vld1q_u8(from); }
  static vector load_short(const std::uint8_t* from, std::size_t n) noexcept {
    const word_pair words = load_short_pair(from, n);
    return vcombine_u8(vcreate_u8(words.low), vcreate_u8(words.high));
  }
  static void store(std::uint8_t* to, vector v) noexcept { vst1q_u8(to, v); }
  static vector splat(std::uint8_t b) noexcept { return vdupq_n_u8(b); }
  static vector splat_word(std::uint32_t w) noexcept { return vreinterpretq_u8_u32(vdupq_n_u32(w)); }
  static vector exclusive_or(vector a, vector b) noexcept { return veorq_u8(a, b); }
  static vector either(vector a, vector b) noexcept { return vorrq_u8(a, b); }
  static bool nonzero(vector v) noexcept { return vmaxvq_u32(vreinterpretq_u32_u8(v)) != 0; }

  static match equal(vector a, vector b) noexcept { return vceqq_u8(a, b); }
  static match both_matches(match a, match b) noexcept { return vorrq_u8(a, b); }
  static bool any(match m) noexcept { return nibbles(m) != 0; }
  static std::size_t first(match m) noexcept {
    return static_cast<std::size_t>(__builtin_ctzll(nibbles(m))) / 4;
  }
  static std::uint64_t nibbles(match m) noexcept {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(m), 4)), 0);
  }

  static match in_set(vector v, const byte_rows& rows) noexcept {
    const uint8x16_t bit_of_high_half = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t index = vandq_u8(v, vdupq_n_u8(0x8f));
    const uint8x16_t row =
        vorrq_u8(vqtbl1q_u8(rows.low, index), vqtbl1q_u8(rows.high, veorq_u8(index, vdupq_n_u8(0x80))));
    return vtstq_u8(row, vqtbl1q_u8(bit_of_high_half, vshrq_n_u8(v, 4)));
  }
};

using kernels = byte_kernels_over<neon_lanes>;

}  // namespace

const byte_kernel_table byte_kernels_neon{simd::level::neon,   kernels::copy,    kernels::equal,
                                          kernels::xor_into,   kernels::xor_key, kernels::find_byte,
                                          kernels::find_any_of};

}  // namespace weft::detail

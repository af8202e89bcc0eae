// For x86-64 processors without table look-ups (pshufb), which find_any_of needs.
#include <weft/runtime/base/byte_lanes_sse2.hpp>

namespace weft::detail {
namespace {

using kernels = byte_kernels_over<sse2_lanes>;

std::size_t find_any_of(const std::uint8_t* in, std::size_t n, const std::uint8_t* rows) noexcept {
  return byte_kernels_scalar.find_any_of(in, n, rows);
}

}  // namespace

const byte_kernel_table byte_kernels_sse2{simd::level::sse2, kernels::copy,    kernels::equal,
                                          kernels::xor_into, kernels::xor_key, kernels::find_byte,
                                          find_any_of};

}  // namespace weft::detail

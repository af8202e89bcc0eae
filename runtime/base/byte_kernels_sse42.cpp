// Compiled with -msse4.2.
#include <weft/runtime/base/byte_lanes_sse42.hpp>

namespace weft::detail {
namespace {

using kernels = byte_kernels_over<sse42_lanes>;

}  // namespace

const byte_kernel_table byte_kernels_sse42{simd::level::sse42,  kernels::copy,    kernels::equal,
                                           kernels::xor_into,   kernels::xor_key, kernels::find_byte,
                                           kernels::find_any_of};

}  // namespace weft::detail

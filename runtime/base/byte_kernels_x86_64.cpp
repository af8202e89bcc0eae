#include <weft/runtime/base/byte_kernel_table.hpp>

namespace weft::detail {

byte_kernel_variants all_byte_kernels() noexcept {
  static constexpr const byte_kernel_table* all[] = {&byte_kernels_scalar, &byte_kernels_sse2,
                                                     &byte_kernels_sse42, &byte_kernels_avx2,
                                                     &byte_kernels_avx512bw};
  return {all, sizeof all / sizeof all[0]};
}

}  // namespace weft::detail

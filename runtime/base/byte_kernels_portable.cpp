#include <weft/runtime/base/byte_kernel_table.hpp>

namespace weft::detail {

byte_kernel_variants all_byte_kernels() noexcept {
  static constexpr const byte_kernel_table* all[] = {&byte_kernels_scalar};
  return {all, 1};
}

}  // namespace weft::detail

#include <weft/runtime/base/asymmetric_fence.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::detail {

constinit bool asymmetric_fences = false;

void prepare_asymmetric_fences() noexcept {
  [[maybe_unused]] static const bool once =
      (asymmetric_fences = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0);
}

void heavy_fence() noexcept {
  if (!asymmetric_fences || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
    fence(std::memory_order_seq_cst);
}

}  // namespace weft::detail

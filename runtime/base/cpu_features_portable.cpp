// For architectures without vector kernels.
#include <weft/runtime/base/cpu_features.hpp>

namespace weft::detail {

cpu_features read_cpu_features() noexcept { return {}; }

}  // namespace weft::detail

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <weft/runtime/base/cpu_features.hpp>

namespace weft::detail {

cpu_features read_cpu_features() noexcept {
  cpu_features f;
  f.neon = (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
  return f;
}

}  // namespace weft::detail

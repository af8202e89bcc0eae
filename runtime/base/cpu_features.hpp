// Which vector instructions may be used here: what the processor has, and the kernel keeps.
//
// A processor may have registers that the kernel does not save when it switches threads (an old kernel, a
// virtual machine, a boot parameter), and using those faults or loses data. On x86-64 CPUID tells what the
// processor has and XGETBV what the kernel saves; on aarch64 the kernel tells both in the auxiliary vector.
#pragma once

#include <weft/runtime/base/simd_level.hpp>

namespace weft::detail {

/// What this processor and this kernel can do together. scalar is always there.
struct cpu_features {
  bool sse2 = false;
  bool sse42 = false;  // and what came before it: SSE3, SSSE3, SSE4.1
  bool avx2 = false;
  bool avx512bw = false;  // with the foundation (F) and the short vectors (VL)
  bool neon = false;

  constexpr bool has(simd::level l) const noexcept {
    switch (l) {
      case simd::level::sse2: return sse2;
      case simd::level::sse42: return sse42;
      case simd::level::avx2: return avx2;
      case simd::level::avx512bw: return avx512bw;
      case simd::level::neon: return neon;
      default: return true;
    }
  }
};

/// Cost       on x86-64 a few hundred nanoseconds; many thousand in a virtual machine, where CPUID traps.
cpu_features read_cpu_features() noexcept;

}  // namespace weft::detail

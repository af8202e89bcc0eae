#include <cpuid.h>

#include <weft/runtime/base/cpu_features.hpp>
#include <weft/runtime/base/cpuid.hpp>

namespace weft::detail {
namespace {

// By hand: the intrinsic needs -mxsave, which nothing else here may have.
std::uint64_t read_xcr0() noexcept {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

}  // namespace

cpu_features read_cpu_features() noexcept {
  cpuid_words words;
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  // Each answers false, and leaves the words alone, if the processor's highest leaf is below.
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) {
    words.leaf1_ecx = c;
    words.leaf1_edx = d;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) words.leaf7_ebx = b;
  if ((words.leaf1_ecx & cpuid1_osxsave) != 0) words.xcr0 = read_xcr0();
  return features_of(words);
}

}  // namespace weft::detail

// The words in which an x86-64 processor says what it can do, and what they mean.
//
// Source: Intel SDM volume 2, CPUID, and volume 1, section 13.2 (XCR0) and 15.2 (detection of AVX-512).
#pragma once

#include <cstdint>

#include <weft/runtime/base/cpu_features.hpp>

namespace weft::detail {

/// As read; zero is what a processor answers that does not know the question.
struct cpuid_words {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf1_edx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint64_t xcr0 = 0;  // register sets that the kernel saves; only to be read if leaf 1 has OSXSAVE
};

inline constexpr std::uint32_t cpuid1_osxsave = 1u << 27;

/// A pure function, so that machines can be tested that are not at hand.
constexpr cpu_features features_of(const cpuid_words& words) noexcept {
  constexpr std::uint32_t sse3 = 1u << 0, ssse3 = 1u << 9, sse41 = 1u << 19, sse42 = 1u << 20;  // 1, ecx
  constexpr std::uint32_t avx = 1u << 28;                                                       // 1, ecx
  constexpr std::uint32_t sse2 = 1u << 26;                                                      // 1, edx
  constexpr std::uint32_t avx2 = 1u << 5, avx512f = 1u << 16, avx512bw = 1u << 30;              // 7, ebx
  constexpr std::uint32_t avx512vl = 1u << 31;                                                  // 7, ebx
  constexpr std::uint64_t ymm_saved = 0x6;   // SSE and AVX state
  constexpr std::uint64_t zmm_saved = 0xe6;  // and masks, the upper halves, the upper sixteen

  const auto all_of = [](auto word, auto bits) { return (word & bits) == bits; };
  const std::uint64_t saved = all_of(words.leaf1_ecx, cpuid1_osxsave) ? words.xcr0 : 0;

  cpu_features f;
  f.sse2 = all_of(words.leaf1_edx, sse2);
  f.sse42 = f.sse2 && all_of(words.leaf1_ecx, sse3 | ssse3 | sse41 | sse42);
  f.avx2 =
      f.sse42 && all_of(saved, ymm_saved) && all_of(words.leaf1_ecx, avx) && all_of(words.leaf7_ebx, avx2);
  f.avx512bw = f.avx2 && all_of(saved, zmm_saved) && all_of(words.leaf7_ebx, avx512f | avx512bw | avx512vl);
  return f;
}

}  // namespace weft::detail

// What CPUID and XGETBV say about machines that are not at hand.
#include <weft/runtime/base/cpuid.hpp>

#include <gtest/gtest.h>

namespace weft::detail {
namespace {

// Words as an x86-64 with AVX-512 gives them under a kernel that saves everything.
constexpr cpuid_words whole{
    .leaf1_ecx = 0x7ffa'fbff, .leaf1_edx = 0xbfeb'fbff, .leaf7_ebx = 0xd39f'fffb, .xcr0 = 0xe7};

TEST(Cpuid, finds_everything_where_everything_is) {
  constexpr cpu_features f = features_of(whole);
  EXPECT_TRUE(f.sse2 && f.sse42 && f.avx2 && f.avx512bw);
  EXPECT_FALSE(f.neon);
}

TEST(Cpuid, registers_that_the_kernel_does_not_save_do_not_count) {
  cpuid_words words = whole;
  words.xcr0 = 0x07;
  EXPECT_TRUE(features_of(words).avx2);
  EXPECT_FALSE(features_of(words).avx512bw) << "the kernel saves ymm only";
  for (const std::uint64_t missing : {0x20, 0x40, 0x80}) {
    words.xcr0 = 0xe7 & ~missing;
    EXPECT_FALSE(features_of(words).avx512bw) << missing;
  }
  words.xcr0 = 0x03;
  EXPECT_FALSE(features_of(words).avx2) << "the kernel saves xmm only";
  EXPECT_TRUE(features_of(words).sse42);
}

TEST(Cpuid, without_osxsave_xcr0_means_nothing) {
  cpuid_words words = whole;
  words.leaf1_ecx &= ~cpuid1_osxsave;
  EXPECT_FALSE(features_of(words).avx2);
  EXPECT_FALSE(features_of(words).avx512bw);
  EXPECT_TRUE(features_of(words).sse42);
}

TEST(Cpuid, each_bit_is_needed) {
  for (const unsigned bit : {0, 9, 19, 20}) {
    cpuid_words words = whole;
    words.leaf1_ecx &= ~(1u << bit);
    EXPECT_FALSE(features_of(words).sse42 || features_of(words).avx2) << bit;
  }
  for (const unsigned bit : {16, 30, 31}) {
    cpuid_words words = whole;
    words.leaf7_ebx &= ~(1u << bit);
    EXPECT_FALSE(features_of(words).avx512bw) << bit;
    EXPECT_TRUE(features_of(words).avx2) << bit;
  }
  cpuid_words words = whole;
  words.leaf1_ecx &= ~(1u << 28);
  EXPECT_FALSE(features_of(words).avx2) << "AVX";
  words = whole;
  words.leaf7_ebx &= ~(1u << 5);
  EXPECT_FALSE(features_of(words).avx2) << "AVX2";
  EXPECT_FALSE(features_of({}).sse2);
}

// The compiler's own test of the same, which looks at XGETBV too.
TEST(Cpuid, agrees_with_the_compiler) {
  [[maybe_unused]] const cpu_features here = read_cpu_features();
#if defined(__x86_64__)
  EXPECT_EQ(here.sse42, __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ(here.avx2, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(here.avx512bw,
            __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0);
#elif defined(__aarch64__)
  EXPECT_TRUE(here.neon);
#endif
}

}  // namespace
}  // namespace weft::detail

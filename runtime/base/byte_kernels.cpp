#include <weft/runtime/base/byte_kernels.hpp>

#include <cstdlib>

namespace weft::detail {
namespace {

const byte_kernel_table* best(const cpu_features& here) noexcept {
  const byte_kernel_table* found = &byte_kernels_scalar;
  for (const byte_kernel_table* table : all_byte_kernels())
    if (here.has(table->level)) found = table;
  return found;
}

bool is_level(std::string_view wanted) noexcept {
  for (unsigned i = 0; i < simd::levels; ++i)
    if (wanted == simd::name(static_cast<simd::level>(i))) return true;
  return false;
}

}  // namespace

constinit const byte_kernel_table* byte_kernels = &byte_kernels_scalar;

byte_kernel_choice choose_byte_kernels(std::string_view wanted, const cpu_features& here) noexcept {
  if (wanted.empty()) return {best(here)};
  for (const byte_kernel_table* table : all_byte_kernels())
    if (wanted == simd::name(table->level) && here.has(table->level)) return {table};
  return {best(here), is_level(wanted)
                          ? "WEFT_SIMD names vector instructions that this processor or kernel does not have"
                          : "WEFT_SIMD is not one of scalar, sse2, sse42, avx2, avx512bw, neon"};
}

const byte_kernel_choice& chosen_byte_kernels() noexcept {
  static const byte_kernel_choice chosen = [] {
    const char* const wanted = std::getenv("WEFT_SIMD");
    return choose_byte_kernels(wanted != nullptr ? wanted : "", read_cpu_features());
  }();
  return chosen;
}

namespace {

// Static objects that are made before this one use the scalar variant, which gives the same answers.
[[maybe_unused]] const bool chosen_at_start = (byte_kernels = chosen_byte_kernels().table, true);

}  // namespace
}  // namespace weft::detail

// The instruction sets for which there are byte kernels.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::simd {

/// On one architecture a later one is better.
enum class level : std::uint8_t { scalar, sse2, sse42, avx2, avx512bw, neon };

inline constexpr unsigned levels = 6;

/// As WEFT_SIMD takes it.
constexpr std::string_view name(level l) noexcept {
  switch (l) {
    case level::sse2: return "sse2";
    case level::sse42: return "sse42";
    case level::avx2: return "avx2";
    case level::avx512bw: return "avx512bw";
    case level::neon: return "neon";
    default: return "scalar";
  }
}

}  // namespace weft::simd

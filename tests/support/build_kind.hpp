// How the tests were built: sanitizers cost time and memory, and stress is scaled down under them.
#pragma once

#include <weft/runtime/base/platform.hpp>

namespace weft_test {

inline constexpr bool sanitized = WEFT_ASAN || WEFT_TSAN;

#ifdef __OPTIMIZE__
inline constexpr bool optimized = !sanitized;
#else
inline constexpr bool optimized = false;
#endif

/// `n` rounds, or a tenth of them under a sanitizer, where each costs ten times as much. An unoptimized build
/// does all of them.
constexpr int scaled(int n) noexcept { return sanitized ? (n + 9) / 10 : n; }

}  // namespace weft_test

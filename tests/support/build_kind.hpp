// How the tests were built: sanitizers cost time and memory, and stress is scaled down under them.
#pragma once

#include <weft/runtime/base/platform.hpp>

namespace weft_test {

inline constexpr bool sanitized = WEFT_ASAN || WEFT_TSAN;

#ifdef NDEBUG
inline constexpr bool optimized = !sanitized;
#else
inline constexpr bool optimized = false;
#endif

/// `n` rounds, or a tenth of them where each costs ten times as much.
constexpr int scaled(int n) noexcept { return optimized ? n : (n + 9) / 10; }

}  // namespace weft_test

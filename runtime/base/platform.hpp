// Compiler and processor words that the standard has none for. The one place where `#if` chooses the
// platform.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/config.hpp>

// A fast path belongs into its caller even where the compiler would rather call it. Tests leave it the choice
// (WEFT_FEWER_INLINES): a file full of spawn() then takes two thirds of the time to build.
#if defined(WEFT_FEWER_INLINES)
#define WEFT_ALWAYS_INLINE inline
#else
#define WEFT_ALWAYS_INLINE [[gnu::always_inline]] inline
#endif
#define WEFT_NOINLINE [[gnu::noinline]]

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#endif
#ifndef WEFT_ASAN
#define WEFT_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WEFT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#ifndef WEFT_TSAN
#define WEFT_TSAN 0
#endif

namespace weft::detail {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

/// Bytes that two threads must keep apart so that their writes do not contend (x86-64 and aarch64 servers).
inline constexpr std::size_t cache_line = 64;

/// Tells the core that this is a spin loop: it lets the sibling thread run and leaves the loop without a
/// pipeline flush.
WEFT_ALWAYS_INLINE void cpu_pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

/// Adds to an aligned word that only the calling thread writes, and others may read: one instruction without
/// a lock prefix, where compilers make three of a relaxed load and a store. False: those are wanted, because
/// this processor has no such instruction, or because ThreadSanitizer must see them.
#if defined(__x86_64__) && !WEFT_TSAN
inline constexpr bool adds_in_place = true;
WEFT_ALWAYS_INLINE void add_in_place(void* word, std::uint64_t more) noexcept {
  asm volatile("addq %1, %0" : "+m"(*static_cast<std::uint64_t*>(word)) : "er"(more) : "cc");
}
#else
inline constexpr bool adds_in_place = false;
inline void add_in_place(void*, std::uint64_t) noexcept {}
#endif

}  // namespace weft::detail

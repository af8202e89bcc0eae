// What the pools must tell AddressSanitizer. Nothing, in a build without it.
#pragma once

#include <cstddef>

#include <weft/runtime/base/platform.hpp>

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weft::detail {

/// An access to this memory is reported, until it is unpoisoned.
#if WEFT_ASAN
inline void poison(const std::byte* begin, std::size_t bytes) noexcept {
  __asan_poison_memory_region(begin, bytes);
}
#else
WEFT_ALWAYS_INLINE void poison(const std::byte*, std::size_t) noexcept {}
#endif

/// Forgets what the last user of a stack had poisoned: frames that a fiber never returned from stay poisoned
/// for ever.
#if WEFT_ASAN
inline void unpoison(const std::byte* begin, std::size_t bytes) noexcept {
  __asan_unpoison_memory_region(begin, bytes);
}
#else
WEFT_ALWAYS_INLINE void unpoison(const std::byte*, std::size_t) noexcept {}
#endif

}  // namespace weft::detail

// What the pools of memory have in common to choose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weft/runtime/base/platform.hpp>

namespace weft {

/// What a pool does that has reached its limit.
enum class exhaustion : std::uint8_t {
  wait,    ///< who takes waits, first come, first served, until something is given back
  refuse,  ///< errc::limit
};

namespace detail {
#ifdef NDEBUG
constexpr bool pools_checked = WEFT_ASAN;
#else
constexpr bool pools_checked = true;
#endif
}  // namespace detail

struct pool_options {
  std::string_view name = "pool";  ///< for the metrics; must outlive the pool
  std::size_t floor = 0;           ///< keeps memory for at least so many
  std::size_t limit = 1000;        ///< never has more in use; SIZE_MAX: as many as there is memory for
  exhaustion exhausted = exhaustion::wait;
  /// Finds what is given back twice, or used after that, at the cost of a lock each time. With it, free
  /// memory is poisoned for AddressSanitizer. On in debug builds, and under that sanitizer.
  bool checked = detail::pools_checked;
};

}  // namespace weft

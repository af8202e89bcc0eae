// Whether anything is traced: what every place that could trace looks at first.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::trace::detail {

inline constexpr std::uint32_t spans_bit = 1;
inline constexpr std::uint32_t events_bit = 2;
inline constexpr std::uint32_t mode_step = 4;

/// What is traced, in its low bits; above them a number that goes up whenever that is changed: a worker
/// adapts itself between two batches. One word, so that nobody sees half a change.
extern constinit weft::detail::exposed<std::uint32_t> mode;

/// Whether spans are. Cost: one load and test.
WEFT_ALWAYS_INLINE bool spans_on() noexcept { return (mode.get() & spans_bit) != 0; }

/// Whether what the runtime does is.
WEFT_ALWAYS_INLINE bool events_on() noexcept { return (mode.get() & events_bit) != 0; }

}  // namespace weft::trace::detail

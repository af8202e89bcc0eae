// Which traces are recorded: a share of them, chosen by their ids, so that all who use the same share choose
// the same ones.
//
// The last 56 bits of a trace's id are random; it is sampled if they are at least (1 - share) * 2^56. Source:
// OpenTelemetry, TraceState probability sampling, "rejection threshold".
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/trace/context.hpp>

namespace weft::trace::detail {

inline constexpr std::uint64_t random_bits = (1ull << 56) - 1;

/// From 0, for all, to 2^56, for none.
constexpr std::uint64_t threshold_of(double share) noexcept {
  return static_cast<std::uint64_t>((1 - share) * static_cast<double>(random_bits + 1));
}

/// Of the trace that runs.
extern constinit weft::detail::exposed<std::uint64_t> sampling_threshold;

inline bool is_sampled(const trace_id& id) noexcept {
  return (id.low & random_bits) >= sampling_threshold.get();
}

}  // namespace weft::trace::detail

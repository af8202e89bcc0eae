// How a fiber is to be spawned.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include <weft/pools/stack_class.hpp>

namespace weft {

/// A ready fiber of a higher level runs first; a lower one still gets one pick per batch, so it never
/// starves.
enum class priority : std::uint8_t { background, normal, high, critical };

/// Names a fiber for as long as the process lives: never used twice. 0 names none.
enum class fiber_id : std::uint64_t {};

struct spawn_options {
  /// Shown wherever the fiber is reported. Copied; what exceeds 31 bytes is cut off.
  std::string_view name{};
  weft::priority priority = weft::priority::normal;
  stack_class stack = stack_class::kib64;
  /// Given: runs on that worker (0 .. workers - 1) and is never stolen. Otherwise an idle worker may take it
  /// until it starts.
  std::optional<unsigned> worker{};
  /// Cancels the fiber too, besides its owner.
  std::stop_token stop{};
};

}  // namespace weft

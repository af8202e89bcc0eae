// What the reasons of waits are called in metrics.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// In the order of park_reason.
inline constexpr auto park_reason_names = std::to_array<std::string_view>(
    {"none",         "sleep",        "join",    "room",         "io",
     "offload",      "signal",       "event",   "wait_group",   "turn",
     "semaphore",    "latch",        "barrier", "rate_limit",   "stop",
     "channel_send", "channel_recv", "mutex",   "shared_mutex", "condition_variable",
     "once",         "nursery",      "select",  "future",       "retry",
     "pool",         "join_set"});
static_assert(park_reason_names.size() == static_cast<std::size_t>(park_reason::join_set) + 1);

}  // namespace weft::detail

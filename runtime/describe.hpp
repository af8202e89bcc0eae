// What a fiber is called in a report.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// `fiber 17 "reader" (spawned at file.cpp:12 in main)`.
std::string description_of(const fiber& f);

/// The same of a fiber of another worker, which may end meanwhile: empty if it does.
std::string description_of_other(const fiber& f);

/// The same into `out`, as much as fits; returns how much. Safe in a signal handler.
std::size_t describe_into(const fiber& f, char* out, std::size_t size) noexcept;

/// "runs", "waits in join", ...: what it does now. A guess if the fiber is another worker's.
std::string activity_of(const fiber& f);

/// "an event", "I/O", ...: what a fiber waits for that is parked for this reason.
std::string_view what_is_awaited(park_reason why) noexcept;

/// The same for all reasons, by their number.
std::span<const std::string_view> all_that_is_awaited() noexcept;

/// Lets a failed assertion and a stack overflow say which fiber they hit. Once per process; more does no
/// harm.
void describe_fibers() noexcept;

}  // namespace weft::detail

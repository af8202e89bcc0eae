// What a fiber is called in a report.
#pragma once

#include <string>

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// `fiber 17 "reader" (spawned at file.cpp:12 in main)`.
std::string description_of(const fiber& f);

/// "runs", "waits in join", ...: what it does now. A guess if the fiber is another worker's.
std::string activity_of(const fiber& f);

/// Lets a failed assertion and a stack overflow say which fiber they hit. Once per process; more does no
/// harm.
void describe_fibers() noexcept;

}  // namespace weft::detail

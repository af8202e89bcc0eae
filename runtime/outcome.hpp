// What becomes of a fiber's outcome, and of its block, when it has ended.
#pragma once

#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// Whether the fiber ended with an exception, or with an error value other than canceled. Of a fiber that has
/// ended.
bool has_failed(const fiber& f) noexcept;

/// Tells the error sink of a failure, if there is one, and releases the fiber.
void report_and_release(fiber& f) noexcept;

/// Destroys what is left of the outcome and gives the block back. The last owner only, once the fiber has
/// ended; any thread.
void release_fiber(fiber& f) noexcept;

}  // namespace weft::detail

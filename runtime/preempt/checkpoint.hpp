// A yield inside a preemptible region: the switch itself must not be interrupted by another.
#pragma once

namespace weft::detail {

struct fiber;

/// worker::yield() of a fiber that has a mark (region_mark).
void yield_in_region(fiber& self) noexcept;

}  // namespace weft::detail

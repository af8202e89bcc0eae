// Where the program's own machine code lies: the executable segments of the main executable, read once.
#pragma once

#include <cstdint>

namespace weft::detail {

/// Reads the map. Before the first use; more does no harm. Safe from any thread.
void read_own_text() noexcept;

/// Whether that address lies in it. Safe in a signal handler.
bool in_own_text(std::uintptr_t address) noexcept;

}  // namespace weft::detail

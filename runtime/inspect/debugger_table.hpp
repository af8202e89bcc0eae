// What a debugger needs to find the fibers of a process or of its core file, without debug information:
// addresses, and where things lie in weft's objects. tools/gdb/weft.py reads it.
#pragma once

namespace weft::detail {

/// Fills the table. Once is enough; more does no harm. Safe from any thread.
void show_fibers_to_debuggers() noexcept;

}  // namespace weft::detail

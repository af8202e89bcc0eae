// Exceptions in fibers of 4 KiB: what the unwinder does only once is done before there are fibers.
//
// libstdc++ and libgcc bind their calls lazily, whatever the program was linked with, and that saves every
// register on the stack. So a program's first throw takes 3.4 KB of it, 5 KB on a processor with AVX-512;
// later ones take 1.9 KB (measured, glibc 2.36 and GCC 12).
#pragma once

namespace weft::detail {

/// Throws, unwinds, catches, rethrows and walks the stack, the first time in the process; then does nothing.
///
/// Safe from  any thread, on its own stack.
void prepare_unwinder() noexcept;

}  // namespace weft::detail

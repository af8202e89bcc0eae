// Tells valgrind where the stacks are. Else it takes a switch for a huge stack frame and reports every access
// as an error.
//
// Costs one load and test where stacks are created and destroyed, nothing in the switch: valgrind follows the
// stack pointer by itself. The header valgrind.h is needed when weft is built, not valgrind.
#pragma once

#include <cstddef>

namespace weft::detail {

/// Whether this process runs under valgrind and the library was built with valgrind.h. Set by the library's
/// initialisers: stacks that other initialisers create before it are not registered.
extern const bool running_on_valgrind;

/// Makes [base, base + size) a stack of its own, in place of any that overlaps it. Call only on valgrind.
void valgrind_register_stack(std::byte* base, std::size_t size) noexcept;

/// Undoes the registration of the stack that contains `inside`, if there is one. Call only on valgrind.
void valgrind_forget_stack(const void* inside) noexcept;

}  // namespace weft::detail

// The backtrace of a fiber that is suspended, from outside of it.
//
// A small assembly function calls the unwinder of the C++ runtime, and its own unwind table says that it was
// called from where the fiber is suspended: what a signal's frame does for backtraces in handlers. So frames
// are found by the unwind tables, in optimized code without frame pointers too, with the unwinder that
// exceptions use. Of the fiber's stack only saved registers are read, which somebody has written: no page
// comes into being.
//
// How a suspended context is to be read depends on who has compiled the suspension: GCC's third word is the
// frame pointer, clang's the address of two registers. The first instruction after the resumption loads it,
// and so tells which it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/runtime/context/context.hpp>

namespace weft::detail {

/// Where a suspended context goes on. `present` false: unknown on this processor.
struct suspended_registers {
  std::uintptr_t program_counter = 0;
  std::uintptr_t stack_pointer = 0;
  std::uintptr_t frame_pointer = 0;
  std::uintptr_t base = 0;  // rbx, x19: what clang keeps beside the frame pointer
  bool present = false;
};
suspended_registers registers_of(const context& c) noexcept;

/// What jump_fcontext() of Boost leaves at the stack pointer: where in it the registers lie, in bytes.
struct boost_frame {
  std::size_t program_counter, frame_pointer, base, size;
};
extern const boost_frame jump_frame;

/// Whether the third word of a context that goes on at `resume` is the address of two registers.
bool frame_is_indirect(const void* resume) noexcept;

/// Fills `out` with return addresses, innermost first (the first is where the fiber goes on), and returns how
/// many there are. `at` must be suspended meanwhile.
///
/// Safe from  any thread, on its own stack.
/// Cost       about 1 us per frame.
std::size_t backtrace_of(const context& at, std::span<std::uintptr_t> out) noexcept;

}  // namespace weft::detail

// What happens when a fiber runs over the end of its stack: a report that names it, then whatever the program
// does on SIGSEGV.
//
// The guard below the stack turns the overflow into a fault. The handler runs on the thread's alternate
// stack, since the fiber has none left, looks the address up in the map of stacks, and writes the report with
// write(2) alone. Then the handler that was there before gets the fault, as it gets every fault that has
// nothing to do with guards.
//
// Whether a fault is an overflow is decided by its address, not by si_code: a guard in the page table answers
// SEGV_MAPERR, one by mprotect SEGV_ACCERR.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>

#include <weft/pools/stack_class.hpp>

namespace weft::detail {

/// Writes which fiber has the stack at `stack_base`, what it is called and where it was spawned, on one line,
/// into `out`, and returns how many of the `size` bytes it used; 0 if no fiber has it. Runs in a signal
/// handler: no allocation, no lock.
using fiber_describer = std::size_t (*)(const void* stack_base, char* out, std::size_t size) noexcept;

/// Sets the one describer of the process; nullptr for none. Safe from any thread.
void set_fiber_describer(fiber_describer describer) noexcept;

/// Reports overflows from now on, on every thread that has an alternate stack. Counted: each call needs its
/// removal.
///
/// Safe from any thread.
void install_overflow_handler() noexcept;

/// The last removal puts the handler back that was there at first, unless somebody else has come in between,
/// who may call ours: then ours stays for good.
void remove_overflow_handler() noexcept;

/// Overflows of stacks of that class that were met so far: there are some to be seen only if the handler that
/// was there before lets the program go on. Safe from any thread.
std::uint64_t overflows_seen(stack_class of) noexcept;

/// The alternate signal stack of the thread that makes it, until it is destroyed there; then the former one
/// is back.
///
/// Large enough for the registers of this processor (AVX-512: 3.4 KiB, SVE: more) and for the handlers of
/// others, which by chaining run here too. Below it lies a guard.
class alternate_stack {
 public:
  alternate_stack() noexcept;
  alternate_stack(const alternate_stack&) = delete;
  alternate_stack& operator=(const alternate_stack&) = delete;
  ~alternate_stack();

  /// False: there was no memory, and an overflow on this thread ends the process without a report.
  bool in_place() const noexcept { return memory_ != nullptr; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;  // the guard included
  stack_t former_{};
};

}  // namespace weft::detail

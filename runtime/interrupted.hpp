// What a signal handler can tell of the code that it interrupted: its registers, and the chain of saved frame
// pointers above them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

struct registers {
  std::uintptr_t program_counter = 0;
  std::uintptr_t stack_pointer = 0;
  std::uintptr_t frame_pointer = 0;
};

#if defined(__x86_64__)
inline registers interrupted(const ucontext_t& context) noexcept {
  const auto& r = context.uc_mcontext.gregs;
  return {static_cast<std::uintptr_t>(r[REG_RIP]), static_cast<std::uintptr_t>(r[REG_RSP]),
          static_cast<std::uintptr_t>(r[REG_RBP])};
}
#elif defined(__aarch64__)
inline registers interrupted(const ucontext_t& context) noexcept {
  return {context.uc_mcontext.pc, context.uc_mcontext.sp, context.uc_mcontext.regs[29]};
}
#else
inline registers interrupted(const ucontext_t&) noexcept { return {}; }  // no backtrace, no preemption
#endif

/// A word of a fiber's stack, which AddressSanitizer may hold for poisoned.
[[gnu::no_sanitize_address]] WEFT_NOINLINE inline std::uintptr_t word_at(std::uintptr_t address) noexcept {
  return *reinterpret_cast<const std::uintptr_t*>(address);
}

/// The chain of saved frame pointers within one stack: each lies above the one before, and the return address
/// above it.
class frame_chain {
 public:
  /// The stack is [low, high).
  frame_chain(std::uintptr_t low, std::uintptr_t high, std::uintptr_t frame_pointer) noexcept
      : low_{low}, high_{high}, frame_{frame_pointer} {}

  /// The next caller, or 0 at the end of the chain.
  std::uintptr_t next() noexcept {
    if (frame_ < low_ || frame_ > high_ - 2 * sizeof(frame_) || frame_ % sizeof(frame_) != 0) return 0;
    const std::uintptr_t caller = word_at(frame_ + sizeof(frame_));
    low_ = frame_ + 1;
    frame_ = word_at(frame_);
    return caller;
  }

 private:
  std::uintptr_t low_;
  const std::uintptr_t high_;
  std::uintptr_t frame_;
};

}  // namespace weft::detail

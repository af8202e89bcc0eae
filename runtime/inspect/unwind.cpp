#include <weft/runtime/inspect/unwind.hpp>

#include <unwind.h>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

// What the assembly gets, in this order.
struct unwind_start {
  std::uintptr_t program_counter, stack_pointer, frame_pointer, base;
};

extern "C" {
void weft_unwind_from(const unwind_start* from, void (*walk)(void*), void* argument);
extern const char weft_unwind_from_end[];
}

namespace {

struct collection {
  std::span<std::uintptr_t> out;
  std::size_t count = 0;
  bool begun = false;  // past our own frames
};

bool is_where_it_begins(std::uintptr_t address) noexcept {
  return address > reinterpret_cast<std::uintptr_t>(&weft_unwind_from) &&
         address <= reinterpret_cast<std::uintptr_t>(weft_unwind_from_end);
}

_Unwind_Reason_Code see_frame(_Unwind_Context* frame, void* argument) noexcept {
  collection& c = *static_cast<collection*>(argument);
  const auto address = static_cast<std::uintptr_t>(_Unwind_GetIP(frame));
  if (!c.begun) {
    c.begun = is_where_it_begins(address);
    return _URC_NO_REASON;
  }
  if (address == 0 || c.count == c.out.size()) return _URC_END_OF_STACK;
  c.out[c.count++] = address;
  return _URC_NO_REASON;
}

// A word of a fiber's stack, which AddressSanitizer may hold for poisoned.
[[gnu::no_sanitize_address]] WEFT_NOINLINE std::uintptr_t word_at(std::uintptr_t address) noexcept {
  return *reinterpret_cast<const std::uintptr_t*>(address);
}

WEFT_NOINLINE void walk(void* argument) {
  _Unwind_Backtrace(see_frame, argument);
  asm volatile("" : : : "memory");  // no tail call: this frame is one of those that are walked
}

}  // namespace

#if WEFT_CONTEXT_BOOST
suspended_registers registers_of(const context& c) noexcept {
  const auto sp = reinterpret_cast<std::uintptr_t>(c.sp);
  if (sp == 0) return {};
  return {.program_counter = word_at(sp + jump_frame.program_counter),
          .stack_pointer = sp + jump_frame.size,
          .frame_pointer = word_at(sp + jump_frame.frame_pointer),
          .base = word_at(sp + jump_frame.base),
          .present = true};
}
#else
suspended_registers registers_of(const context& c) noexcept {
  if (c.sp == nullptr) return {};
  suspended_registers r{.program_counter = reinterpret_cast<std::uintptr_t>(c.resume),
                        .stack_pointer = reinterpret_cast<std::uintptr_t>(c.sp),
                        .frame_pointer = reinterpret_cast<std::uintptr_t>(c.frame),
                        .present = true};
  if (frame_is_indirect(c.resume)) {
    r.base = word_at(r.frame_pointer + sizeof(r.base));
    r.frame_pointer = word_at(r.frame_pointer);
  }
  return r;
}
#endif

std::size_t backtrace_of(const context& at, std::span<std::uintptr_t> out) noexcept {
  const suspended_registers r = registers_of(at);
  if (!r.present || r.program_counter == 0) return 0;
  const unwind_start from{r.program_counter, r.stack_pointer, r.frame_pointer, r.base};
  collection c{out};
  weft_unwind_from(&from, walk, &c);
  return c.count;
}

}  // namespace weft::detail

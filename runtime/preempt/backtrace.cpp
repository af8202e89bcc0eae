#include <weft/runtime/preempt/backtrace.hpp>

#include <cstdint>

#include <dlfcn.h>
#include <unwind.h>

#include <weft/pools/arena_map.hpp>
#include <weft/runtime/interrupted.hpp>

namespace weft::detail {
namespace {

[[maybe_unused]] const void* code_at(std::uintptr_t address) noexcept {
  return reinterpret_cast<const void*>(address);
}

// What the unwinder finds below the handler: the handler itself and the kernel's frame are left out.
struct walk {
  const std::uintptr_t from;
  const std::span<const void*> out;
  std::size_t count = 0;
  bool begun = false;

  static _Unwind_Reason_Code see(_Unwind_Context* frame, void* to) noexcept {
    walk& w = *static_cast<walk*>(to);
    const std::uintptr_t at = _Unwind_GetIP(frame);
    w.begun |= at == w.from;
    if (!w.begun || at == 0) return _URC_NO_REASON;
    if (w.count == w.out.size()) return _URC_END_OF_STACK;
    w.out[w.count++] = code_at(at);
    return _URC_NO_REASON;
  }
};

std::size_t by_frame_pointers(const registers& at, std::span<const void*> out) noexcept {
  if (out.empty() || at.program_counter == 0) return 0;
  std::size_t count = 0;
  out[count++] = code_at(at.program_counter);
  stack_place place;
  if (!find_stack(reinterpret_cast<const void*>(at.stack_pointer), place)) return count;
  const auto low = reinterpret_cast<std::uintptr_t>(place.base);
  frame_chain all{low, low + usable(place.size), at.frame_pointer};
  while (count < out.size()) {
    const std::uintptr_t caller = all.next();
    if (caller == 0) break;
    out[count++] = code_at(caller);
  }
  return count;
}

}  // namespace

std::size_t backtrace_of(const ucontext_t& context, std::span<const void*> out) noexcept {
  const registers at = interrupted(context);
#if defined(DLFO_STRUCT_HAS_EH_DBASE)
  walk w{.from = at.program_counter, .out = out};
  _Unwind_Backtrace(walk::see, &w);
  if (w.count != 0) return w.count;
#endif
  return by_frame_pointers(at, out);
}

}  // namespace weft::detail

// The switch in aarch64 assembly (AAPCS64).
//
// As on x86-64 (see asm_x86_64.hpp for why): a suspended context is three words. x29 is saved by hand; d8-d15
// are in the clobber list, so that the compiler saves those that live. So is x18: on Linux compilers use it
// as one more temporary register. Where it is the platform's (-ffixed-x18) the clobber means nothing; a
// shadow call stack kept in it is not switched.
//
// Contract with the code that is resumed: x1 holds the address of the context, the stack pointer is loaded,
// nothing else is as it was.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/context/annotations.hpp>

#if defined(__aarch64__)

// With branch protection an indirect jump must land on a `bti`, which older processors take for a nop.
#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define WEFT_CONTEXT_LANDING "hint #36\n\t"
#else
#define WEFT_CONTEXT_LANDING
#endif

// clang keeps x19 for itself in functions with both over-aligned and variable-sized locals, so there the
// third word is the address of both.
#if defined(__clang__)
#define WEFT_CONTEXT_CLOBBER_X19
#define WEFT_CONTEXT_FRAME , "+r"(frame)
#define WEFT_CONTEXT_SAVE_FRAME \
  "stp x29, x19, [x0]\n\t"      \
  "str x0, [x2, #16]\n\t"
#define WEFT_CONTEXT_LOAD_FRAME \
  "ldr x0, [x1, #16]\n\t"       \
  "ldp x29, x19, [x0]\n\t"
#else
#define WEFT_CONTEXT_CLOBBER_X19 "x0", "x19",
#define WEFT_CONTEXT_FRAME
#define WEFT_CONTEXT_SAVE_FRAME "str x29, [x2, #16]\n\t"
#define WEFT_CONTEXT_LOAD_FRAME "ldr x29, [x1, #16]\n\t"
#endif

#if defined(__ARM_FEATURE_SVE)
#define WEFT_CONTEXT_CLOBBER_SVE \
  "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15",
#else
#define WEFT_CONTEXT_CLOBBER_SVE
#endif

namespace weft::detail {

/// What it takes to go on with a suspended stack.
struct suspended {
  void* resume = nullptr;
  void* sp = nullptr;
  void* frame = nullptr;
};

/// Where the stack pointer of a stack points that has not started; read by weft_context_start.
struct fresh_words {
  void* function;
  void* argument;
  void* end_of_chain[2];  // a frame record of zeros
};

extern "C" void weft_context_start();

/// Writes the first words of a stack that will call first_function(entry) with `entry`.
inline suspended prepare_stack(std::byte* base, std::size_t size, context_entry entry) noexcept {
  const auto top = (reinterpret_cast<std::uintptr_t>(base) + size) & ~std::uintptr_t{15};
  auto* words = reinterpret_cast<fresh_words*>(top - sizeof(fresh_words));
  *words = {first_function(entry), reinterpret_cast<void*>(entry), {}};
  return {reinterpret_cast<void*>(&weft_context_start), words, nullptr};
}

WEFT_ALWAYS_INLINE void switch_stack(suspended& from, suspended& to) noexcept {
#if defined(__clang__)
  void* words[2];
  register void* frame asm("x0") = words;
#endif
  register suspended* load asm("x1") = &to;
  register suspended* store asm("x2") = &from;
  // clang-format off
  asm volatile(
      "adr x3, 1f\n\t"
      "mov x4, sp\n\t"
      "stp x3, x4, [x2]\n\t"
      WEFT_CONTEXT_SAVE_FRAME
      "ldp x3, x4, [x1]\n\t"
      "mov sp, x4\n\t"
      "br x3\n"
      "1:\n\t"
      WEFT_CONTEXT_LANDING
      WEFT_CONTEXT_LOAD_FRAME
      : "+r"(load), "+r"(store) WEFT_CONTEXT_FRAME
      :
      : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
        "x18", WEFT_CONTEXT_CLOBBER_X19 "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
        WEFT_CONTEXT_CLOBBER_SVE "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
        "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
        "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
  // clang-format on
}

[[noreturn]] WEFT_ALWAYS_INLINE void switch_stack_last(suspended&, suspended& to) noexcept {
  register suspended* next asm("x1") = &to;
  asm volatile(
      "ldp x3, x4, [x1]\n\t"
      "mov sp, x4\n\t"
      "br x3\n\t"
      :
      : "r"(next)
      : "x3", "x4", "memory");
  __builtin_unreachable();
}

}  // namespace weft::detail

#undef WEFT_CONTEXT_LANDING
#undef WEFT_CONTEXT_CLOBBER_X19
#undef WEFT_CONTEXT_FRAME
#undef WEFT_CONTEXT_SAVE_FRAME
#undef WEFT_CONTEXT_LOAD_FRAME
#undef WEFT_CONTEXT_CLOBBER_SVE

#endif

// The switch in x86-64 assembly (System V ABI).
//
// A suspended context points to three words in the frame of the function that suspended: where to go on, its
// stack pointer, its frame pointer. They are a local variable and not pushes, so rsp moves only in the jump
// itself: the red zone is nobody's concern (g++ 12 has no clobber for it), the unwind tables are right at
// every instruction, and a suspended fiber needs 24 bytes where red zone and pushes take 144 and one more
// cache line.
//
// Contract with the code that is resumed: rdx holds the context's `sp`, rsp is loaded, nothing else is as it
// was. Who resumes does not know who suspended: another compiler, or start_x86_64.cpp for a fresh stack.
//
// Measured, ns per switch, least of several runs, g++ 12 -O2, 2.6 GHz Xeon with AVX-512 (virtual):
//
//                                       this one   pushes, pop + jmp   pushes, ret   fcontext
//     two functions, two fibers            1.0           1.0               1.4          3.9
//     one function, two fibers           1.7-2.9         1.1               1.2          4.3
//     one function, 1000 fibers            6.3          10.0              10.2            -
//     two functions, behind a call        11.8          10.1               9.9         12.6
//
// `ret` loses where fibers of two functions alternate inline, and wins nowhere by more than the noise: its
// prediction is right only by accident, while the return stack is empty or all fibers suspend at one site.
// What the second row shows is store forwarding: one site whose loads take turns on two frames. With a third
// fiber all variants cost the same (5.7), with many the smaller footprint decides.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/context/annotations.hpp>

// With -fcf-protection an indirect jump must land on endbr64 (once user space enforces it).
#if defined(__CET__) && (__CET__ & 1)
#define WEFT_CONTEXT_LANDING "endbr64\n\t"
#else
#define WEFT_CONTEXT_LANDING
#endif

// Everything the compiler may keep a value in, but rsp and rbp, which it allows nobody to clobber. clang also
// keeps rbx for itself in functions with both over-aligned and variable-sized locals.
#if defined(__clang__)
#define WEFT_CONTEXT_CLOBBER_RBX
#define WEFT_CONTEXT_SAVE_RBX "movq %%rbx, 24(%%rax)\n\t"
#define WEFT_CONTEXT_LOAD_RBX "movq 24(%%rdx), %%rbx\n\t"
#else
#define WEFT_CONTEXT_CLOBBER_RBX "rbx",
#define WEFT_CONTEXT_SAVE_RBX
#define WEFT_CONTEXT_LOAD_RBX
#endif

// The switch wants the address of its words. As a memory operand it is computed where it is needed; in a
// register g++ would hoist it out of loops and, all registers being clobbered, spill it (1.0 ns becomes 1.7).
// With AddressSanitizer, whose frames may lie off the stack, only a register will do.
#if WEFT_ASAN
#define WEFT_CONTEXT_WORDS "+S"(address)
#define WEFT_CONTEXT_LOAD_WORDS "movq %%rsi, %%rax\n\t"
#define WEFT_CONTEXT_CLOBBER_RSI
#else
#define WEFT_CONTEXT_WORDS [words] "=m"(words)
#define WEFT_CONTEXT_LOAD_WORDS "leaq %[words], %%rax\n\t"
#define WEFT_CONTEXT_CLOBBER_RSI "rsi",
#endif

// g++ takes these only where the whole file is compiled for AVX-512. So with g++ a function that has them by
// a target attribute alone must suspend through a call, not inline.
#if defined(__AVX512F__) || defined(__clang__)
#define WEFT_CONTEXT_CLOBBER_AVX512                                                                  \
  "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", \
      "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#else
#define WEFT_CONTEXT_CLOBBER_AVX512
#endif

#if defined(__APX_F__)
#error "the clobber list lacks r16 to r31: build without -mapxf, or with -Dcontext=boost"
#endif

namespace weft::detail {

/// What a suspended context's `sp` points to.
struct suspended_words {
  void* resume;
  void* rsp;
  void* rbp;
#if defined(__clang__)
  void* rbx;
#endif
};

/// As suspended_words, for a stack that has not started; read by weft_context_start.
struct fresh_words {
  void* resume;
  void* rsp;
  void* function;
  void* argument;
  void* end_of_chain[2];  // a frame pointer and a return address of zero, where rsp points first
};

extern "C" void weft_context_start();

/// Writes the first words of a stack that will call first_function(entry) with `entry`.
inline void* prepare_stack(std::byte* base, std::size_t size, context_entry entry) noexcept {
  const auto top = (reinterpret_cast<std::uintptr_t>(base) + size) & ~std::uintptr_t{15};
  auto* words = reinterpret_cast<fresh_words*>(top - sizeof(fresh_words));
  *words = {reinterpret_cast<void*>(&weft_context_start),
            &words->end_of_chain,
            first_function(entry),
            reinterpret_cast<void*>(entry),
            {}};
  return words;
}

WEFT_ALWAYS_INLINE void switch_stack(void*& from, void* to) noexcept {
  suspended_words words;
  [[maybe_unused]] void* address = &words;
  void** store = &from;
  // clang-format off
  asm volatile(
      WEFT_CONTEXT_LOAD_WORDS
      "movq %%rax, (%[store])\n\t"
      "leaq 1f(%%rip), %%rcx\n\t"
      "movq %%rcx, (%%rax)\n\t"
      "movq %%rsp, 8(%%rax)\n\t"
      "movq %%rbp, 16(%%rax)\n\t"
      WEFT_CONTEXT_SAVE_RBX
      "movq 8(%%rdx), %%rsp\n\t"
      "jmpq *(%%rdx)\n"
      "1:\n\t"
      WEFT_CONTEXT_LANDING
      "movq 16(%%rdx), %%rbp\n\t"
      WEFT_CONTEXT_LOAD_RBX
      : "+d"(to), [store] "+D"(store), WEFT_CONTEXT_WORDS
      :
      : "rax", WEFT_CONTEXT_CLOBBER_RBX "rcx", WEFT_CONTEXT_CLOBBER_RSI "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", WEFT_CONTEXT_CLOBBER_AVX512 "mm0", "mm1", "mm2",
        "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
        "st(7)", "cc", "memory");
  // clang-format on
}

[[noreturn]] WEFT_ALWAYS_INLINE void switch_stack_last(void*&, void* to) noexcept {
  asm volatile(
      "movq 8(%%rdx), %%rsp\n\t"
      "jmpq *(%%rdx)\n\t"
      :
      : "d"(to)
      : "memory");
  __builtin_unreachable();
}

}  // namespace weft::detail

#undef WEFT_CONTEXT_LANDING
#undef WEFT_CONTEXT_CLOBBER_RBX
#undef WEFT_CONTEXT_SAVE_RBX
#undef WEFT_CONTEXT_LOAD_RBX
#undef WEFT_CONTEXT_CLOBBER_AVX512
#undef WEFT_CONTEXT_WORDS
#undef WEFT_CONTEXT_LOAD_WORDS
#undef WEFT_CONTEXT_CLOBBER_RSI

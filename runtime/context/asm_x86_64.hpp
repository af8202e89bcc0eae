// The switch in x86-64 assembly (System V ABI).
//
// A suspended context is three words: where to go on, its stack pointer, its frame pointer. They lie beside
// what the scheduler reads of the fiber anyway, and not on its stack, so a switch touches no line of the
// stack but those of the suspended function itself, rsp moves only in the jump (the red zone is nobody's
// concern: g++ 12 has no clobber for it), and the unwind tables are right at every instruction.
//
// Contract with the code that is resumed: rdx holds the address of the context, rsp is loaded, nothing else
// is as it was. Who resumes does not know who suspended: another compiler, or start_x86_64.cpp for a fresh
// stack. So the third word is whatever the suspended code wants it to be.
//
// Measured, ns per switch, least of several runs, g++ 12 -O2, 2.6 GHz Xeon with AVX-512 (virtual), with the
// words in the frame of who suspends:
//
//                                    words in the frame   pushes, pop + jmp   pushes, ret   fcontext
//     two functions, two fibers            1.0                  1.0               1.4          3.9
//     one function, two fibers           1.7-2.9                1.1               1.2          4.3
//     one function, 1000 fibers            6.3                 10.0              10.2            -
//     two functions, behind a call        11.8                 10.1               9.9         12.6
//
// `ret` loses where fibers of two functions alternate inline, and wins nowhere by more than the noise: its
// prediction is right only by accident, while the return stack is empty or all fibers suspend at one site.
// With many fibers the smaller footprint decides, and in the frame the words may lie across two lines of it,
// as the caller's depth has it: a yield of 1000 fibers took 11 to 15 ns by that alone, and takes 11 to 12
// with the words in the fiber (EPYC, both on a busy machine); a round trip takes 0.6 to 0.8 of what it took.
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
// keeps rbx for itself in functions with both over-aligned and variable-sized locals, so there the third word
// is the address of both.
#if defined(__clang__)
#define WEFT_CONTEXT_CLOBBER_RBX
#define WEFT_CONTEXT_FRAME , "+S"(frame)
#define WEFT_CONTEXT_SAVE_FRAME \
  "movq %%rbp, (%%rsi)\n\t"     \
  "movq %%rbx, 8(%%rsi)\n\t"    \
  "movq %%rsi, 16(%%rdi)\n\t"
#define WEFT_CONTEXT_LOAD_FRAME \
  "movq 16(%%rdx), %%rsi\n\t"   \
  "movq (%%rsi), %%rbp\n\t"     \
  "movq 8(%%rsi), %%rbx\n\t"
#else
#define WEFT_CONTEXT_CLOBBER_RBX "rbx", "rsi",
#define WEFT_CONTEXT_FRAME
#define WEFT_CONTEXT_SAVE_FRAME "movq %%rbp, 16(%%rdi)\n\t"
#define WEFT_CONTEXT_LOAD_FRAME "movq 16(%%rdx), %%rbp\n\t"
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
  void* end_of_chain[2];  // a frame pointer and a return address of zero
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
  suspended* store = &from;
  suspended* load = &to;
#if defined(__clang__)
  void* words[2];
  void* frame = static_cast<void*>(words);
#endif
  // clang-format off
  asm volatile(
      "leaq 1f(%%rip), %%rcx\n\t"
      "movq %%rcx, (%%rdi)\n\t"
      "movq %%rsp, 8(%%rdi)\n\t"
      WEFT_CONTEXT_SAVE_FRAME
      "movq 8(%%rdx), %%rsp\n\t"
      "jmpq *(%%rdx)\n"
      "1:\n\t"
      WEFT_CONTEXT_LANDING
      WEFT_CONTEXT_LOAD_FRAME
      : "+d"(load), "+D"(store) WEFT_CONTEXT_FRAME
      :
      : "rax", WEFT_CONTEXT_CLOBBER_RBX "rcx", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", WEFT_CONTEXT_CLOBBER_AVX512 "mm0", "mm1", "mm2",
        "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
        "st(7)", "cc", "memory");
  // clang-format on
}

[[noreturn]] WEFT_ALWAYS_INLINE void switch_stack_last(suspended&, suspended& to) noexcept {
  asm volatile(
      "movq 8(%%rdx), %%rsp\n\t"
      "jmpq *(%%rdx)\n\t"
      :
      : "d"(&to)
      : "memory");
  __builtin_unreachable();
}

}  // namespace weft::detail

#undef WEFT_CONTEXT_LANDING
#undef WEFT_CONTEXT_CLOBBER_RBX
#undef WEFT_CONTEXT_FRAME
#undef WEFT_CONTEXT_SAVE_FRAME
#undef WEFT_CONTEXT_LOAD_FRAME
#undef WEFT_CONTEXT_CLOBBER_AVX512

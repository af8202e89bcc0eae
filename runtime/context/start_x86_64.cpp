// The outermost frame of every fiber: calls the stack's first function. Its unwind table says that nothing
// called it, which is where backtraces end; rbp = 0 says the same to those who follow frame pointers.
#include <weft/runtime/context/asm_x86_64.hpp>

// rsp points to the fresh_words: 16-byte aligned, as a call wants it.
asm(R"(
  .pushsection .text
  .globl weft_context_start
  .hidden weft_context_start
  .type weft_context_start, @function
  .p2align 4
weft_context_start:
  .cfi_startproc
  .cfi_undefined rip
  endbr64
  popq %rax
  popq %rdi
  xorl %ebp, %ebp
  call *%rax
  ud2
  .cfi_endproc
  .size weft_context_start, .-weft_context_start
  .popsection
)");

static_assert(offsetof(weft::detail::fresh_words, function) == 0);
static_assert(offsetof(weft::detail::fresh_words, argument) == 8);

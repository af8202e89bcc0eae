// The outermost frame of every fiber: calls the stack's first function. Its unwind table says that nothing
// called it, which is where backtraces end; x29 = 0 says the same to those who follow frame records.
#include <weft/runtime/context/asm_aarch64.hpp>

// sp points to the fresh_words. `hint #36` is `bti j`.
asm(R"(
  .pushsection .text
  .globl weft_context_start
  .hidden weft_context_start
  .type weft_context_start, %function
  .p2align 4
weft_context_start:
  .cfi_startproc
  .cfi_undefined x30
  hint #36
  ldp x9, x0, [sp], #16
  mov x29, xzr
  mov x30, xzr
  blr x9
  brk #1
  .cfi_endproc
  .size weft_context_start, .-weft_context_start
  .popsection
)");

static_assert(offsetof(weft::detail::fresh_words, function) == 0);
static_assert(offsetof(weft::detail::fresh_words, argument) == 8);

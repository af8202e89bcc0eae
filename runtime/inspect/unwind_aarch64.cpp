// aarch64: what tells how to read a suspended context, and the frame whose caller is the suspended fiber.
#include <weft/runtime/inspect/unwind.hpp>

// DWARF: x19 is column 19, x29 29, x30 (the return address) 30. While `walk` runs, x19 holds the address of
// the four words.
//   CFA = *(x19 + 8);  x30, x29 and x19 of the caller are saved at x19 + 0, + 16 and + 24
asm(R"(
  .pushsection .text
  .globl weft_unwind_from
  .hidden weft_unwind_from
  .type weft_unwind_from, @function
  .p2align 4
weft_unwind_from:
  .cfi_startproc
  hint #34
  stp x29, x30, [sp, #-32]!
  .cfi_adjust_cfa_offset 32
  .cfi_offset x29, -32
  .cfi_offset x30, -24
  str x19, [sp, #16]
  .cfi_offset x19, -16
  mov x19, x0
  mov x0, x2
  .cfi_remember_state
  .cfi_escape 0x0f, 0x03, 0x83, 0x08, 0x06
  .cfi_escape 0x10, 0x1e, 0x02, 0x83, 0x00
  .cfi_escape 0x10, 0x1d, 0x02, 0x83, 0x10
  .cfi_escape 0x10, 0x13, 0x02, 0x83, 0x18
  blr x1
  nop
  .cfi_restore_state
  ldr x19, [sp, #16]
  .cfi_restore x19
  ldp x29, x30, [sp], #32
  .cfi_adjust_cfa_offset -32
  .cfi_restore x29
  .cfi_restore x30
  ret
  .cfi_endproc
  .size weft_unwind_from, .-weft_unwind_from
  .globl weft_unwind_from_end
  .hidden weft_unwind_from_end
weft_unwind_from_end:
  .popsection
)");

namespace weft::detail {

// d8 to d15, x19 to x28, x29, x30, and the address where to go on.
const boost_frame jump_frame{.program_counter = 0xa0, .frame_pointer = 0x90, .base = 0x40, .size = 0xb0};

bool frame_is_indirect(const void* resume) noexcept {
  constexpr std::uint32_t landing = 0xd503249f;         // hint #36
  constexpr std::uint32_t indirect_frame = 0xf9400820;  // ldr x0, [x1, #16]
  const auto* code = static_cast<const std::uint32_t*>(resume);
  if (*code == landing) ++code;
  return *code == indirect_frame;
}

}  // namespace weft::detail

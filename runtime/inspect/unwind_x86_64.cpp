// x86-64: what tells how to read a suspended context, and the frame whose caller is the suspended fiber.
#include <weft/runtime/inspect/unwind.hpp>

#include <cstring>

// DWARF: rip is column 16, rbp 6, rbx 3. While `walk` runs, rbx holds the address of the four words.
//   CFA = *(rbx + 8);  rip, rbp and rbx of the caller are saved at rbx + 0, + 16 and + 24
asm(R"(
  .pushsection .text
  .globl weft_unwind_from
  .hidden weft_unwind_from
  .type weft_unwind_from, @function
  .p2align 4
weft_unwind_from:
  .cfi_startproc
  endbr64
  pushq %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_offset rbx, -16
  movq %rdi, %rbx
  movq %rdx, %rdi
  .cfi_remember_state
  .cfi_escape 0x0f, 0x03, 0x73, 0x08, 0x06
  .cfi_escape 0x10, 0x10, 0x02, 0x73, 0x00
  .cfi_escape 0x10, 0x06, 0x02, 0x73, 0x10
  .cfi_escape 0x10, 0x03, 0x02, 0x73, 0x18
  call *%rsi
  nop
  .cfi_restore_state
  popq %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore rbx
  ret
  .cfi_endproc
  .size weft_unwind_from, .-weft_unwind_from
  .globl weft_unwind_from_end
  .hidden weft_unwind_from_end
weft_unwind_from_end:
  .popsection
)");

namespace weft::detail {

#if WEFT_CONTEXT_BOOST
namespace {

// make_fcontext() reserves what jump_fcontext() pushes: control words, a word for the stack protector (newer
// ones), r12 to r15, rbx, rbp, and last the return address.
boost_frame measure() noexcept {
  alignas(16) static std::byte probe[512];
  std::byte* const top = probe + sizeof probe;
  void* const made = boost::context::detail::make_fcontext(top, sizeof probe, nullptr);
  const auto size = static_cast<std::size_t>(top - static_cast<std::byte*>(made));
  return {.program_counter = size - 8, .frame_pointer = size - 16, .base = size - 24, .size = size};
}

}  // namespace

const boost_frame jump_frame = measure();
#else
const boost_frame jump_frame{};
#endif

bool frame_is_indirect(const void* resume) noexcept {
  constexpr unsigned char landing[]{0xf3, 0x0f, 0x1e, 0xfa};         // endbr64
  constexpr unsigned char indirect_frame[]{0x48, 0x8b, 0x72, 0x10};  // movq 16(%rdx), %rsi
  const auto* code = static_cast<const unsigned char*>(resume);
  if (std::memcmp(code, landing, sizeof landing) == 0) code += sizeof landing;
  return std::memcmp(code, indirect_frame, sizeof indirect_frame) == 0;
}

}  // namespace weft::detail

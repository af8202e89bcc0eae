// The kernel has saved every register in the signal frame, AVX-512 and the flags included. That is copied to
// the side buffer, the frame is changed to return into weft_switched_out(), on the fiber's own stack below
// its red zone, and in the end rt_sigreturn(2) of the copy restores all of it at once: no register is left in
// which an address could stand otherwise.
//
// Between that function and its end the fiber is not to be switched out again. Its mark is put back when the
// stack pointer lies in the side buffer, so a handler that comes in the few instructions before the system
// call finds a stack that is not the fiber's, and lets it be.
//
// To a backtrace it looks like a signal: weft_switched_out() seems to be called from weft_preempted, a frame
// whose registers, by its CFI, are the ones in the side buffer.
//
// Not under the sanitizers: ThreadSanitizer delivers a signal later, from where it suits it, so there is
// nothing to switch away from; AddressSanitizer's own code lies in the program's text and holds locks there.
// Nor under valgrind, which runs handlers on frames of its own making.
//
// Source: arch/x86/kernel/signal_64.c and arch/x86/kernel/fpu/signal.c (the layout of the frame, and
// _fpx_sw_bytes at its end); Intel SDM volume 1, 13.4 (the XSAVE area).
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <cpuid.h>
#include <sys/syscall.h>

#include <weft/runtime/context/valgrind.hpp>
#include <weft/runtime/preempt/region_mark.hpp>
#include <weft/runtime/preempt/side_buffer.hpp>
#include <weft/runtime/preempt/switch_out.hpp>
#include <weft/runtime/worker.hpp>

extern "C" {
[[noreturn]] void weft_switched_out(weft::detail::side_buffer* b) noexcept;
extern const char weft_preempted[] __attribute__((visibility("hidden")));
}

// Never runs: a return address. The stack pointer there holds the address of the saved registers, an array of
// what ucontext(5) calls gregs. DWARF: CFA = *(*rsp + rsp's place), and every column is saved at *rsp + its
// place; rip is column 16.
asm(R"(
  .pushsection .text
  .globl weft_preempted
  .hidden weft_preempted
  .type weft_preempted, @function
  .cfi_startproc
  .cfi_signal_frame
  .cfi_escape 0x0f, 0x06, 0x77, 0x00, 0x06, 0x23, 0x78, 0x06
  .cfi_escape 0x10, 0x00, 0x05, 0x77, 0x00, 0x06, 0x23, 0x68
  .cfi_escape 0x10, 0x01, 0x05, 0x77, 0x00, 0x06, 0x23, 0x60
  .cfi_escape 0x10, 0x02, 0x05, 0x77, 0x00, 0x06, 0x23, 0x70
  .cfi_escape 0x10, 0x03, 0x05, 0x77, 0x00, 0x06, 0x23, 0x58
  .cfi_escape 0x10, 0x04, 0x05, 0x77, 0x00, 0x06, 0x23, 0x48
  .cfi_escape 0x10, 0x05, 0x05, 0x77, 0x00, 0x06, 0x23, 0x40
  .cfi_escape 0x10, 0x06, 0x05, 0x77, 0x00, 0x06, 0x23, 0x50
  .cfi_escape 0x10, 0x08, 0x05, 0x77, 0x00, 0x06, 0x23, 0x00
  .cfi_escape 0x10, 0x09, 0x05, 0x77, 0x00, 0x06, 0x23, 0x08
  .cfi_escape 0x10, 0x0a, 0x05, 0x77, 0x00, 0x06, 0x23, 0x10
  .cfi_escape 0x10, 0x0b, 0x05, 0x77, 0x00, 0x06, 0x23, 0x18
  .cfi_escape 0x10, 0x0c, 0x05, 0x77, 0x00, 0x06, 0x23, 0x20
  .cfi_escape 0x10, 0x0d, 0x05, 0x77, 0x00, 0x06, 0x23, 0x28
  .cfi_escape 0x10, 0x0e, 0x05, 0x77, 0x00, 0x06, 0x23, 0x30
  .cfi_escape 0x10, 0x0f, 0x05, 0x77, 0x00, 0x06, 0x23, 0x38
  .cfi_escape 0x10, 0x10, 0x06, 0x77, 0x00, 0x06, 0x23, 0x80, 0x01
  nop
weft_preempted:
  ud2
  .cfi_endproc
  .size weft_preempted, .-weft_preempted
  .popsection
)");

namespace weft::detail {
namespace {

constexpr std::size_t red_zone = 128;
constexpr std::size_t alignment = 64;  // of an XSAVE area

// What the kernel calls struct ucontext: glibc's begins with it. Its signal mask has 64 bits.
constexpr std::size_t kernel_context_size = offsetof(ucontext_t, uc_sigmask) + sizeof(std::uint64_t);

// What rt_sigreturn reads, with the stack pointer behind `unused`.
struct saved {
  alignas(alignment) std::uint64_t unused;
  alignas(8) std::byte context[kernel_context_size];
};

constexpr std::size_t saved_size = (sizeof(saved) + alignment - 1) / alignment * alignment;

// The parts of an XSAVE area that matter here.
constexpr std::size_t x87_size = 24;         // the legacy area up to MXCSR
constexpr std::size_t software_bytes = 464;  // where the kernel says how large all of it is
constexpr std::size_t present_bits = 512;    // XSTATE_BV
constexpr std::uint64_t x87_state = 1, protection_keys = 1 << 9;
constexpr std::size_t mxcsr_offset = 24;

struct environment {
  std::uint16_t x87 = 0x37f;
  std::uint32_t sse = 0x1f80;
};

// A thread inherits it from who starts it: -ffast-math changes it for all of a program.
constinit thread_local environment of_thread;

// Leaves the vector registers as a thread finds them at its start; whoever runs next has nothing to do with
// what is computed here. The protection keys of the thread stay.
void forget_registers(std::byte* area) noexcept {
  std::memset(area, 0, x87_size);
  std::memcpy(area, &of_thread.x87, sizeof of_thread.x87);
  std::memcpy(area + mxcsr_offset, &of_thread.sse, sizeof of_thread.sse);
  std::uint64_t present = 0;
  std::memcpy(&present, area + present_bits, sizeof present);
  present = (present & protection_keys) | x87_state;
  std::memcpy(area + present_bits, &present, sizeof present);
}

std::size_t size_wanted() noexcept {
  unsigned a = 0, enabled = 0, c = 0, d = 0;
  if (WEFT_ASAN || WEFT_TSAN || running_on_valgrind) return 0;
  if (__get_cpuid(1, &a, &enabled, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return 0;
  if (__get_cpuid_count(0xd, 0, &a, &enabled, &c, &d) == 0) return 0;
  return saved_size + enabled + FP_XSTATE_MAGIC2_SIZE;
}

}  // namespace

std::size_t side_buffer::wanted() noexcept {
  static const std::size_t once = size_wanted();  // where there is a hypervisor, CPUID takes microseconds
  return once;
}

void note_environment() noexcept {
  asm volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(of_thread.x87), "=m"(of_thread.sse));
}

bool switch_out(ucontext_t& context, fiber& self, side_buffer& b) noexcept {
  auto* const area = reinterpret_cast<std::byte*>(context.uc_mcontext.fpregs);
  if (area == nullptr) return false;
  _fpx_sw_bytes about;
  std::memcpy(&about, area + software_bytes, sizeof about);
  if (about.magic1 != FP_XSTATE_MAGIC1 || saved_size + about.extended_size > b.size) return false;

  auto* const copy = reinterpret_cast<saved*>(b.room());
  std::byte* const registers = b.room() + saved_size;
  std::memcpy(registers, area, about.extended_size);
  const auto original = context.uc_mcontext.fpregs;
  context.uc_mcontext.fpregs = reinterpret_cast<fpregset_t>(registers);
  std::memcpy(copy->context, &context, kernel_context_size);
  context.uc_mcontext.fpregs = original;

  struct frame {
    const char* caller;
    const std::byte* registers;
  };
  static_assert(REG_R8 == 0 && REG_RBX == 11 && REG_RSP == 15 && REG_RIP == 16,
                "the places in weft_preempted");
  auto& r = context.uc_mcontext.gregs;
  const auto below =
      (static_cast<std::uintptr_t>(r[REG_RSP]) - red_zone - sizeof(frame)) & ~std::uintptr_t{15};
  const std::uintptr_t at = below - sizeof(frame::caller);  // as a call leaves it: 8 off the alignment
  *reinterpret_cast<frame*>(at) = {weft_preempted, copy->context + offsetof(ucontext_t, uc_mcontext.gregs)};
  constexpr greg_t direction_flag = 0x400;
  r[REG_RSP] = static_cast<greg_t>(at);
  r[REG_RDI] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(&b));
  r[REG_RIP] = static_cast<greg_t>(reinterpret_cast<std::uintptr_t>(&weft_switched_out));
  r[REG_EFL] &= ~direction_flag;
  forget_registers(area);
  self.region.set(region_mark::switched_out);
  return true;
}

}  // namespace weft::detail

using namespace weft::detail;

/// Where the handler returns to instead: on the fiber's stack, as a call that the fiber did not make.
extern "C" [[gnu::used, gnu::visibility("hidden"), noreturn]] void weft_switched_out(
    side_buffer* b) noexcept {
  const int error = errno;
  worker& here = *worker::current();
  fiber& self = *here.running();
  here.yield();  // the handler has used up the batch: by way of the loop
  errno = error;
  here.preemption().buffers.give(*b);  // nobody on this thread can take it before the last instruction
  auto* const copy = reinterpret_cast<saved*>(b->room());
  static_assert(sizeof self.region == 1);
  asm volatile(
      "movq %0, %%rsp\n\t"
      "movb %1, (%2)\n\t"
      "syscall"
      :
      : "r"(copy->context), "i"(region_mark::open), "r"(&self.region), "a"(SYS_rt_sigreturn)
      : "memory");
  __builtin_unreachable();
}

// The calibrate row: two bare jumps between two stacks, in assembly of its own that no change to weft can
// alter. It is the limit of what a round trip can cost, and it tells a fast minute of the machine from a
// slow one.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "harness.hpp"

namespace {

struct suspended {
  void* resume;
  void* rsp;
  void* rbp;
};

suspended here, there;

[[gnu::always_inline]] inline void jump(suspended& from, suspended& to) {
  auto* f = &from;
  auto* t = &to;
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rax, (%[from])\n\t"
      "movq %%rsp, 8(%[from])\n\t"
      "movq %%rbp, 16(%[from])\n\t"
      "movq 16(%[to]), %%rbp\n\t"
      "movq 8(%[to]), %%rsp\n\t"
      "jmpq *(%[to])\n"
      "1:\n\t"
      : [from] "+D"(f), [to] "+S"(t)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
        "xmm14", "xmm15", "cc", "memory");
}

[[noreturn]] void partner() {
  for (;;) jump(there, here);
}

bench::sample calibrate(std::uint64_t operations) {
  constexpr std::size_t stack_bytes = 16 * 1024;
  const auto stack = std::make_unique<std::byte[]>(stack_bytes);
  // As a call would leave it: 8 below a multiple of 16.
  const auto top = (reinterpret_cast<std::uintptr_t>(stack.get()) + stack_bytes) & ~std::uintptr_t{15};
  there = {reinterpret_cast<void*>(&partner), reinterpret_cast<void*>(top - 8), nullptr};
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) jump(here, there);
  return watch.stop(operations);
}

const int row = bench::time_row("calibrate", calibrate);

}  // namespace

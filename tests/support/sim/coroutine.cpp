#undef _FORTIFY_SOURCE  // its longjmp refuses to leave a stack
#include <sim/coroutine.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include <sys/mman.h>
#include <ucontext.h>

namespace weft::detail {
namespace {

constexpr std::size_t stack_size = std::size_t{256} << 10;
constexpr std::size_t guard_size = 4096;
constexpr std::size_t poison_gap = 512;  // below the frame that poisons
constexpr std::size_t poisoned = 4096;

coroutine* free_list = nullptr;
ucontext_t maker;  // where make() waits until a new stack has reached its loop

}  // namespace

coroutine& coroutine::take(entry f, void* argument) {
  if (free_list == nullptr) free_list = make();
  coroutine& taken = *free_list;
  free_list = taken.next_free_;
  taken.entry_ = f;
  taken.argument_ = argument;
  return taken;
}

// What lay in the frames of the thread is no more: whoever still looks there shall notice.
void coroutine::retire(coroutine& self) noexcept {
  std::byte* const here = static_cast<std::byte*>(__builtin_frame_address(0)) - poison_gap;
  const auto room = static_cast<std::size_t>(here - self.low_);
  std::memset(here - std::min(room, poisoned), 0xdd, std::min(room, poisoned));
  self.entry_ = nullptr;
  self.next_free_ = free_list;
  free_list = &self;
}

void coroutine::switch_to(coroutine& self, coroutine& next) noexcept {
  if (_setjmp(self.where_) == 0) _longjmp(next.where_, 1);
}

coroutine* coroutine::make() {
  void* const memory = mmap(nullptr, stack_size + guard_size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard_size, PROT_NONE) != 0) std::abort();
  coroutine* const made = new coroutine;
  made->low_ = static_cast<std::byte*>(memory) + guard_size;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = made->low_;
  context.uc_stack.ss_size = stack_size;
  const auto bits = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(made));
  makecontext(&context, reinterpret_cast<void (*)()>(loop), 2, static_cast<unsigned>(bits),
              static_cast<unsigned>(bits >> 32));
  swapcontext(&maker, &context);
  return made;
}

// The first switch to a new coroutine lands behind the setjmp; later ones in an entry that was retired, which
// then returns.
void coroutine::loop(unsigned low, unsigned high) noexcept {
  coroutine& self =
      *reinterpret_cast<coroutine*>(static_cast<std::uintptr_t>(std::uint64_t{high} << 32 | low));
  if (_setjmp(self.where_) == 0) setcontext(&maker);
  for (;;) self.entry_(self.argument_);
}

}  // namespace weft::detail

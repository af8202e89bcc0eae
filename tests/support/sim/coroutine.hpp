// What a simulated thread runs on: a stack of its own, and the switch from any stack to any other.
//
// Switched by setjmp and longjmp without the signal mask: portable, some ten nanoseconds, and indifferent to
// where the stack pointer is, so that a simulated worker may be suspended while it runs on the stack of a
// weft fiber. Stacks are kept for the next world, which makes ten thousand worlds a second possible.
#pragma once

#include <csetjmp>
#include <cstddef>

namespace weft::detail {

class coroutine {
 public:
  using entry = void (*)(void* argument);

  /// The stack that runs already: the test's own.
  coroutine() = default;
  coroutine(const coroutine&) = delete;
  coroutine& operator=(const coroutine&) = delete;

  /// One with a stack (256 KiB and a guard page). The next switch to it calls f(argument), which ends with
  /// retire(), a switch elsewhere, and a return with nothing left to destroy: that switch returns when the
  /// stack has been taken again.
  static coroutine& take(entry f, void* argument);

  /// The running coroutine will not go on after its next switch: its stack may be taken again then.
  static void retire(coroutine& self) noexcept;

  /// Suspends `self`, which runs, and goes on with `next`.
  static void switch_to(coroutine& self, coroutine& next) noexcept;

 private:
  static coroutine* make();
  static void loop(unsigned low, unsigned high) noexcept;

  jmp_buf where_{};
  entry entry_ = nullptr;
  void* argument_ = nullptr;
  coroutine* next_free_ = nullptr;
  std::byte* low_ = nullptr;  // end of its stack
};

}  // namespace weft::detail

// A fiber three calls deep that has been suspended once and then stops in weft_test_stop():
// backtrace_test.cpp looks at it with a debugger.
#include "coroutine.hpp"

extern "C" [[gnu::noinline]] void weft_test_stop() { asm volatile("" ::: "memory"); }

namespace {

[[gnu::noinline]] void weft_test_inner() {
  weft::test::coroutine::suspend();
  weft_test_stop();
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void weft_test_outer() {
  weft_test_inner();
  asm volatile("" ::: "memory");
}

}  // namespace

int main() {
  const weft::test::test_stack stack;
  weft::test::coroutine c(stack, weft_test_outer);
  c.resume();
  c.resume();
}

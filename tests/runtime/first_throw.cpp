// The first throw of a process is inside a fiber with a stack of 4 KiB: it is caught there, and takes no more
// of the stack than the second one. Another fiber's leaves it and comes out of the join. Not a GoogleTest,
// which might throw before.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <stdexcept>

#include <build_kind.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace {

using weft::stack_class;

constexpr std::byte paint{0xa5};

// Unoptimized code takes more, and so do the sanitizers.
constexpr stack_class small = weft_test::optimized ? stack_class::kib4 : stack_class::kib16;

struct yields_on_the_way {
  ~yields_on_the_way() { weft::this_fiber::yield(); }
};

WEFT_NOINLINE void fail() {
  const yields_on_the_way unwound;
  throw std::runtime_error{"asked for"};
}

/// Bytes of the fiber's stack that a throw and its catch write to; 0 if it is not caught as what it is.
WEFT_NOINLINE std::ptrdiff_t stack_used_by_a_throw() {
  std::byte* const base = weft::detail::worker::current()->running()->stack;
  auto* const here = static_cast<std::byte*>(__builtin_frame_address(0));
  // Up to what this frame itself may use. Through volatile: memset would paint over its own return address.
  for (volatile std::byte* p = base; p < here - 256; ++p) *p = paint;
  try {
    fail();
  } catch (const std::runtime_error&) {
    return here - std::find_if(base, here, [](std::byte b) { return b != paint; });
  }
  return 0;
}

bool comes_out_of_the_join() {
  weft::task<void> failing = weft::spawn(fail, {.stack = small});
  try {
    failing.join();
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

bool good() {
  const std::ptrdiff_t first = weft::spawn(stack_used_by_a_throw, {.stack = small}).join();
  const std::ptrdiff_t second = weft::spawn(stack_used_by_a_throw, {.stack = small}).join();
  const bool joined = weft::spawn(comes_out_of_the_join, {.stack = small}).join();
  std::printf("first throw: %td bytes, second: %td; out of a join: %s\n", first, second,
              joined ? "yes" : "no");
  const bool lean = !weft_test::optimized || first <= second + 256;
  return first > 0 && second > 0 && lean && joined;
}

}  // namespace

int main() { return weft::run(good, {.workers = 1}) ? 0 : 1; }

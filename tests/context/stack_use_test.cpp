// How many bytes of stack a switch takes, measured on painted stacks.
#include <weft/runtime/context/context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "coroutine.hpp"

namespace weft::test {
namespace {

constexpr std::byte paint{0xa5};

thread_local detail::context back;
thread_local detail::context own;

/// Bytes below the top of `stack` that running `entry` until it has ended writes to.
std::ptrdiff_t bytes_used(const test_stack& stack, detail::context_entry entry) {
  std::fill_n(stack.base(), stack.size(), paint);
  detail::context_adopt_thread(back);
  detail::context_create(own, stack.base(), stack.size(), entry);
  detail::context_switch(back, own);
  detail::context_switch(back, own);
  detail::context_destroy(own);
  const std::byte* top = stack.base() + stack.size();
  return top -
         std::find_if(stack.base(), stack.base() + stack.size(), [](std::byte b) { return b != paint; });
}

[[gnu::noinline]] void suspend_once() { detail::context_switch(own, back); }

TEST(StackUse, a_fiber_that_starts_suspends_and_ends_takes_under_256_bytes) {
  if (detail::stack_annotation::in_force) GTEST_SKIP() << "sanitizers use the stack too";
  if (detail::running_on_valgrind) GTEST_SKIP() << "valgrind forbids to look below the stack pointer";
  const test_stack stack(16 * 1024);
  // Both entries need a return address and the callee-saved registers; the second suspends behind a call.
  const auto inlined = bytes_used(stack, []() noexcept {
    detail::context_switch(own, back);
    detail::context_switch_last(own, back);
  });
  const auto called = bytes_used(stack, []() noexcept {
    suspend_once();
    detail::context_switch_last(own, back);
  });
  std::printf("stack bytes: start, one inlined switch and end %td; behind one call %td\n", inlined, called);
  RecordProperty("inlined_bytes", static_cast<int>(inlined));
  RecordProperty("called_bytes", static_cast<int>(called));
  EXPECT_LE(inlined, WEFT_CONTEXT_BOOST ? 384 : 256);
  EXPECT_LE(called, WEFT_CONTEXT_BOOST ? 512 : 384);
}

}  // namespace
}  // namespace weft::test

// What the sanitizers believe about stacks: without the annotations most programs run all the same, until a
// report is false.
#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>

#include "coroutine.hpp"

namespace weft::test {
namespace {

#if WEFT_ASAN

/// Whether AddressSanitizer takes `address` for part of the stack that runs.
bool is_on_known_stack(void* address) {
  char name[8];
  void* region = nullptr;
  std::size_t size = 0;
  return std::string_view(__asan_locate_address(address, name, sizeof(name), &region, &size)) == "stack";
}

TEST(AddressSanitizer, knows_which_stack_runs) {
  const test_stack stack;
  void* of_thread = __builtin_frame_address(0);
  void* of_fiber = nullptr;
  EXPECT_TRUE(is_on_known_stack(of_thread));
  coroutine c(stack, [&] {
    of_fiber = __builtin_frame_address(0);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(is_on_known_stack(of_fiber));
      EXPECT_FALSE(is_on_known_stack(of_thread));
      coroutine::suspend();
    }
  });
  while (c.resume()) {
    EXPECT_TRUE(is_on_known_stack(of_thread));
    EXPECT_FALSE(is_on_known_stack(of_fiber));
  }
  EXPECT_TRUE(is_on_known_stack(of_thread));
}

TEST(AddressSanitizer, a_new_context_clears_what_earlier_frames_left) {
  const test_stack stack;
  __asan_poison_memory_region(stack.base(), 64);
  detail::context c;
  detail::context_create(c, stack.base(), stack.size(), []() noexcept {});
  EXPECT_EQ(__asan_region_is_poisoned(stack.base(), stack.size()), nullptr);
  detail::context_destroy(c);
}

#elif WEFT_TSAN

TEST(ThreadSanitizer, knows_which_stack_runs) {
  const test_stack stack;
  void* const of_thread = __tsan_get_current_fiber();
  void* of_fiber = nullptr;
  coroutine c(stack, [&] {
    of_fiber = __tsan_get_current_fiber();
    EXPECT_NE(of_fiber, of_thread);
    coroutine::suspend();
    EXPECT_EQ(__tsan_get_current_fiber(), of_fiber);
  });
  while (c.resume()) EXPECT_EQ(__tsan_get_current_fiber(), of_thread);
  EXPECT_EQ(__tsan_get_current_fiber(), of_thread);
}

#endif

}  // namespace
}  // namespace weft::test

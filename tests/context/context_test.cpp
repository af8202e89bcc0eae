// What a stack may be used for: started, left, left for good, used again, by one thread or another.
#include <weft/runtime/context/context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "coroutine.hpp"

namespace weft::test {
namespace {

using detail::context;

// The bare interface, for what coroutine does not do.
thread_local context back;
thread_local context own;

TEST(Context, is_at_most_three_words_unless_a_sanitizer_needs_more) {
  EXPECT_EQ(sizeof(context) <= 3 * sizeof(void*), !detail::stack_annotation::in_force);
}

TEST(Context, locals_survive) {
  const test_stack stack;
  std::vector<std::string> seen;
  coroutine c(stack, [&] {
    const std::string text = "a string that is too long to be stored inline ";
    for (int count = 0; count < 3; ++count) {
      seen.push_back(text + std::to_string(count));
      coroutine::suspend();
    }
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.resume());
  EXPECT_FALSE(c.resume());
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2], "a string that is too long to be stored inline 2");
}

TEST(Context, starts_aligned_inside_its_range_whatever_the_range) {
  const test_stack stack;
  static thread_local std::uintptr_t frame;
  detail::context_adopt_thread(back);
  for (std::size_t cut = 0; cut < 64; ++cut) {
    const std::size_t size = stack.size() - cut;
    detail::context_create(own, stack.base(), size, []() noexcept {
      frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
      detail::context_switch_last(own, back);
    });
    detail::context_switch(back, own);
    detail::context_destroy(own);
    EXPECT_EQ(frame % 16, 0u);
    EXPECT_GT(frame, reinterpret_cast<std::uintptr_t>(stack.base()));
    EXPECT_LT(frame, reinterpret_cast<std::uintptr_t>(stack.base() + size));
  }
}

TEST(Context, creation_writes_only_to_the_last_bytes) {
  alignas(16) std::byte range[1024];
  std::fill_n(range, sizeof(range), std::byte{0xa5});
  context c;
  detail::context_create(c, range, sizeof(range), []() noexcept {});
  detail::context_destroy(c);
  const auto* first =
      std::find_if(range, range + sizeof(range), [](std::byte b) { return b != std::byte{0xa5}; });
  EXPECT_LE(range + sizeof(range) - first, WEFT_CONTEXT_BOOST ? 256 : 64);
}

TEST(Context, one_that_never_started_can_be_destroyed) {
  const test_stack stack;
  for (int i = 0; i < 100; ++i) coroutine c(stack, [] { FAIL(); });
}

// Each round leaves frames behind that never returned: sanitizers must not take them for live ones.
TEST(Context, a_stack_can_be_used_again_after_the_last_switch) {
  const test_stack stack;
  std::uint64_t sum = 0;
  for (std::uint64_t round = 0; round < 1000; ++round) {
    coroutine c(stack, [&sum, round] {
      std::uint64_t values[16];
      for (std::uint64_t i = 0; i < 16; ++i) values[i] = round * i;
      asm volatile("" : : "r"(values) : "memory");
      coroutine::suspend();
      for (const std::uint64_t value : values) sum += value;
    });
    EXPECT_TRUE(c.resume());
    EXPECT_FALSE(c.resume());
  }
  EXPECT_EQ(sum, 120u * (999u * 1000u / 2));
}

// The scheduler does that: a fiber that ends hands its stack to one that has not started.
TEST(Context, an_entry_can_run_several_bodies_and_pass_its_context_on) {
  const test_stack stack;
  static thread_local context bodies[3];
  static thread_local std::vector<int> order;
  order.clear();
  detail::context_adopt_thread(back);
  detail::context_create(bodies[0], stack.base(), stack.size(), []() noexcept {
    for (int i = 0; i < 3; ++i) {
      if (i != 0) bodies[i] = bodies[i - 1];
      order.push_back(i);
      detail::context_switch(bodies[i], back);
      order.push_back(i + 10);
    }
    detail::context_switch_last(bodies[2], back);
  });
  for (int i = 0; i < 3; ++i) detail::context_switch(back, bodies[i == 0 ? 0 : i - 1]);
  detail::context_switch(back, bodies[2]);
  EXPECT_EQ(order, (std::vector{0, 10, 1, 11, 2, 12}));
  detail::context_destroy(bodies[2]);
}

TEST(Context, switches_directly_from_one_stack_to_another) {
  const test_stack stacks[2];
  static thread_local context sides[2];
  static thread_local std::vector<int> order;
  order.clear();
  detail::context_adopt_thread(back);
  detail::context_create(sides[0], stacks[0].base(), stacks[0].size(), []() noexcept {
    for (int i = 0; i < 3; ++i) {
      order.push_back(0);
      detail::context_switch(sides[0], sides[1]);
    }
    detail::context_switch_last(sides[0], sides[1]);
  });
  detail::context_create(sides[1], stacks[1].base(), stacks[1].size(), []() noexcept {
    for (int i = 0; i < 3; ++i) {
      order.push_back(1);
      detail::context_switch(sides[1], sides[0]);
    }
    detail::context_switch_last(sides[1], back);
  });
  detail::context_switch(back, sides[0]);
  EXPECT_EQ(order, (std::vector{0, 1, 0, 1, 0, 1}));
  for (context& side : sides) detail::context_destroy(side);
}

TEST(Context, coroutines_nest) {
  const test_stack outer_stack;
  const test_stack inner_stack;
  std::string order;
  coroutine outer(outer_stack, [&] {
    coroutine inner(inner_stack, [&] {
      order += 'a';
      coroutine::suspend();
      order += 'c';
    });
    inner.resume();
    order += 'b';
    coroutine::suspend();
    inner.resume();
    order += 'd';
  });
  outer.resume();
  order += '-';
  outer.resume();
  EXPECT_EQ(order, "ab-cd");
}

[[gnu::noinline]] std::uint64_t descend(std::uint64_t depth) {
  volatile std::uint64_t here = depth;
  if (depth == 0) {
    coroutine::suspend();
    return 0;
  }
  const std::uint64_t below = descend(depth - 1);
  return below + here;
}

TEST(Context, a_deep_recursion_survives) {
  const test_stack stacks[2] = {test_stack(4 << 20), test_stack(4 << 20)};
  std::uint64_t sums[2] = {};
  coroutine a(stacks[0], [&] { sums[0] = descend(2000); });
  coroutine b(stacks[1], [&] { sums[1] = descend(1000); });
  a.resume();
  b.resume();
  a.resume();
  b.resume();
  EXPECT_EQ(sums[0], 2000u * 2001u / 2);
  EXPECT_EQ(sums[1], 1000u * 1001u / 2);
}

TEST(Context, a_stop_callback_on_a_suspended_stack_is_called) {
  const test_stack stack;
  std::stop_source source;
  int called = 0;
  coroutine c(stack, [&] {
    const std::stop_callback callback(source.get_token(), [&] { ++called; });
    coroutine::suspend();
    EXPECT_EQ(called, 1);
    coroutine::suspend();
  });
  c.resume();
  EXPECT_EQ(called, 0);
  source.request_stop();
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(c.resume());
  EXPECT_FALSE(c.resume());
}

TEST(Context, a_million_switches) {
  const test_stack stack;
  std::uint64_t count = 0;
  coroutine c(stack, [&] {
    for (;;) {
      ++count;
      if (count == 500'000) return;
      coroutine::suspend();
    }
  });
  while (c.resume()) continue;
  EXPECT_EQ(count, 500'000u);
}

TEST(Context, ten_thousand_at_once) {
  constexpr std::size_t many = 10'000;
  constexpr std::size_t size = 8 * 1024 * stack_scale;
  const test_stack memory(many * size);
  std::vector<context> contexts(many);
  static thread_local std::vector<context>* all;
  static thread_local std::size_t started;
  static thread_local std::size_t finished;
  all = &contexts;
  started = finished = 0;
  detail::context_adopt_thread(back);
  for (std::size_t i = 0; i < many; ++i)
    detail::context_create(contexts[i], memory.base() + i * size, size, []() noexcept {
      const std::size_t index = started++;
      detail::context_switch((*all)[index], back);
      EXPECT_EQ(index, finished);
      ++finished;
      detail::context_switch_last((*all)[index], back);
    });
  for (context& c : contexts) detail::context_switch(back, c);
  EXPECT_EQ(started, many);
  for (context& c : contexts) detail::context_switch(back, c);
  EXPECT_EQ(finished, many);
  for (context& c : contexts) detail::context_destroy(c);
}

TEST(Context, may_be_created_here_and_started_on_another_thread) {
  const test_stack stacks[4];
  std::vector<std::unique_ptr<coroutine>> waiting;
  int sums[4] = {};
  for (int i = 0; i < 4; ++i)
    waiting.push_back(std::make_unique<coroutine>(stacks[i], [&sum = sums[i]] {
      for (int k = 0; k < 1000; ++k) {
        sum += k;
        coroutine::suspend();
      }
    }));
  std::vector<std::jthread> threads;
  for (auto& c : waiting)
    threads.emplace_back([&c] {
      while (c->resume()) continue;
    });
  threads.clear();
  for (const int sum : sums) EXPECT_EQ(sum, 999 * 1000 / 2);
}

}  // namespace
}  // namespace weft::test

// Stacks and control blocks are used again, some stay warm when a worker is idle, and both are in the list of
// pools.
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <smallest_stack.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

class FiberPools : public weft_test::leak_check {};

pool_stats pool_named(std::string_view wanted) {
  pool_stats found;
  int count = 0;
  for_each_pool([&](std::string_view name, const pool_stats& s) {
    if (name != wanted) return;
    found = s;
    ++count;
  });
  EXPECT_EQ(count, 1) << wanted;
  return found;
}

// So many at once, each with a stack.
void burst(runtime& rt, int fibers) {
  rt.block_on([&] {
    latch begun{fibers};
    event go_on;
    std::vector<task<void>> tasks;
    tasks.reserve(static_cast<std::size_t>(fibers));
    const auto one = [&] {
      begun.count_down();
      (void)go_on.wait();
    };
    for (int i = 0; i < fibers; ++i) tasks.push_back(spawn(one, {.stack = weft_test::smallest_stack}));
    begun.wait();
    go_on.set();
    for (task<void>& t : tasks) t.join();
  });
}

/// What idle trimming leaves of them.
std::size_t idle_after_trimming(std::string_view name) {
  std::size_t idle = 0;
  for (int i = 0; i < 3000; ++i) {  // real time: trimming begins after 100 ms without work
    const std::size_t now = pool_named(name).idle;
    if (i > 300 && now == idle) break;
    idle = now;
    std::this_thread::sleep_for(1ms);
  }
  return idle;
}

TEST_F(FiberPools, are_used_again) {
  runtime rt{{.workers = 1}};
  burst(rt, 400);
  const pool_stats stacks = pool_named("fiber stacks"), blocks = pool_named("fiber control blocks");
  for (int i = 0; i < 50; ++i) burst(rt, 400);
  EXPECT_LE(pool_named("fiber stacks").high_water, stacks.high_water + 128);
  EXPECT_LE(pool_named("fiber control blocks").high_water, blocks.high_water + 512);
  EXPECT_GT(pool_named("fiber stacks").hits, stacks.hits + 50 * 400 * 9 / 10);
  EXPECT_GT(pool_named("fiber control blocks").hits, blocks.hits + 50 * 400 * 9 / 10);
}

TEST_F(FiberPools, keep_500_of_each_warm_by_default) {
  runtime rt{{.workers = 1}};
  burst(rt, 20'000);
  EXPECT_NEAR(static_cast<double>(idle_after_trimming("fiber stacks")), 500, 100);
  // By slabs of 64; and the opening thread's cache holds a batch.
  EXPECT_NEAR(static_cast<double>(idle_after_trimming("fiber control blocks")), 500 + 512, 600);
  EXPECT_GE(pool_named("fiber control blocks").idle, 450u);
  EXPECT_EQ(pool_named("fiber control blocks").capacity, 500u);
}

TEST_F(FiberPools, keep_what_the_options_say_of_all_runtimes_that_live) {
  runtime one{{.workers = 1, .stacks_warm = 3000}};
  {
    const runtime two{{.workers = 1, .stacks_warm = 20}};
    std::size_t warm = 0;
    for_each_pool([&](std::string_view name, const pool_stats& s) {
      if (name == "fiber control blocks") warm = s.capacity;
    });
    EXPECT_EQ(warm, 3020u);
  }
  EXPECT_EQ(pool_named("fiber control blocks").capacity, 3000u);
  burst(one, 10'000);
  EXPECT_NEAR(static_cast<double>(idle_after_trimming("fiber stacks")), 3000, 200);
  EXPECT_GE(idle_after_trimming("fiber control blocks"), 2900u);
}

TEST_F(FiberPools, say_what_is_in_use) {
  runtime rt{{.workers = 1, .fibers_max = 1000}};
  rt.block_on([] {
    const pool_stats before = pool_named("fiber stacks");
    std::vector<task<void>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(spawn([] { this_fiber::yield(); }));
    this_fiber::yield();
    const pool_stats stacks = pool_named("fiber stacks"), blocks = pool_named("fiber control blocks");
    EXPECT_EQ(stacks.in_use, before.in_use + 100);
    EXPECT_GE(blocks.in_use, 101u);
    EXPECT_EQ(stacks.limit, 1000u);
    EXPECT_EQ(blocks.limit, 1000u);
    EXPECT_EQ(stacks.refused + blocks.refused, 0u);
    for (task<void>& t : tasks) t.join();
  });
}

TEST_F(FiberPools, adaptive_keeps_what_a_burst_needed) {
  runtime rt{{.workers = 1, .memory = memory_strategy::adaptive}};
  burst(rt, 5000);
  EXPECT_GE(idle_after_trimming("fiber stacks"), 4500u);
}

TEST_F(FiberPools, leave_the_list_with_their_runtime) {
  { const runtime rt{{.workers = 1}}; }
  for_each_pool([](std::string_view name, const pool_stats&) { EXPECT_FALSE(name.starts_with("fiber ")); });
}

}  // namespace
}  // namespace weft

// Pools on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/block_pool.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

void everybody_takes_and_gives(std::size_t limit) {
  const int rounds = weft_test::scaled(5000);
  block_pool pool{64, {.limit = limit, .checked = false}};
  std::atomic<std::uint64_t> taken{0};  // std::atomic: the test's own
  const auto body = [&](std::uint64_t who) {
    std::uint64_t mine = 0;
    for (int i = 0; i < rounds; ++i) {
      result<pooled_block> block;
      switch ((static_cast<int>(who) + i) % 4) {
        case 0: block = pool.acquire(); break;
        case 1: block = pool.try_acquire(); break;
        case 2: block = pool.acquire(20us); break;
        default: {
          std::array<pooled_block, 2> two;
          if (pool.acquire_batch(two, 100us)) mine += 2;
        }
      }
      if (!block || !*block) continue;
      ++mine;
      std::memcpy(block->data(), &who, sizeof who);
      if (i % 8 == 0) this_fiber::yield();
      ASSERT_EQ(std::memcmp(block->data(), &who, sizeof who), 0) << "another has the same block";
    }
    taken.fetch_add(mine);
  };
  {
    runtime rt{{.workers = 4}};
    std::jthread first{[&] { body(101); }}, second{[&] { body(102); }};
    rt.block_on([&] {
      std::vector<task<void>> all;
      for (std::uint64_t i = 0; i < 8; ++i) all.push_back(spawn([&, i] { body(i); }));
      for (task<void>& t : all) t.join();
    });
  }
  const pool_stats stats = pool.stats();
  EXPECT_EQ(stats.in_use, 0u);
  EXPECT_EQ(stats.hits + stats.misses, taken.load());
  EXPECT_LE(stats.high_water, limit);
}

TEST(BlockPoolStress, far_below_the_limit) { everybody_takes_and_gives(1000); }
TEST(BlockPoolStress, about_at_the_limit) { everybody_takes_and_gives(10); }
TEST(BlockPoolStress, always_at_the_limit) { everybody_takes_and_gives(2); }

// One side takes, the other gives: the blocks must come back from where they pile up.
TEST(BlockPoolStress, blocks_given_back_on_another_worker_come_round) {
  const std::size_t rounds = static_cast<std::size_t>(weft_test::scaled(50'000));
  block_pool pool{64, {.limit = 100, .checked = false}};
  channel<pooled_block> on_the_way{16};
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    auto takes = spawn(
        [&] {
          for (std::size_t i = 0; i < rounds; ++i) {
            pooled_block block = *pool.acquire();
            std::memcpy(block.data(), &i, sizeof i);
            ASSERT_TRUE(on_the_way.send(std::move(block)));
          }
          on_the_way.close();
        },
        {.worker = 0});
    auto gives = spawn(
        [&] {
          std::size_t expected = 0;
          for (pooled_block& block : on_the_way) {
            ASSERT_EQ(std::memcmp(block.data(), &expected, sizeof expected), 0);
            ++expected;
            block.reset();
          }
          EXPECT_EQ(expected, rounds);
        },
        {.worker = 1});
    takes.join();
    gives.join();
  });
  EXPECT_EQ(pool.stats().in_use, 0u);
}

// An idle worker gives back what a burst has left.
TEST(BlockPoolStress, an_idle_worker_frees_what_a_burst_has_left) {
  block_pool pool{4096, {.floor = 10, .limit = 10'000, .checked = false}};
  runtime rt{{.workers = 1}};
  rt.block_on([&] {
    {
      std::vector<pooled_block> burst(5000);
      ASSERT_TRUE(pool.acquire_batch(burst));
      for (pooled_block& block : burst) block.data()[0] = std::byte{1};
    }
    EXPECT_GE(pool.stats().idle, 5000u);
    for (int i = 0; i < 20 && pool.stats().capacity > 10; ++i)
      (void)this_fiber::sleep_for(250ms);  // real time: workers trim after 100 ms of idling
    EXPECT_EQ(pool.stats().capacity, 10u);
    EXPECT_LT(pool.stats().idle, 200u);
  });
}

}  // namespace
}  // namespace weft

// Blocks with a hard limit: exact though threads have caches, counted, checked on demand, and trimmed.
#include <weft/pools/block_store.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>

#include "process_memory.hpp"

namespace weft::detail {
namespace {

using weft_test::scaled;
using weft_test::status_bytes;

/// As block_pool does it, but for the waiting.
struct BlockStore : testing::Test {
  void open(std::size_t bytes, std::size_t limit, std::size_t floor = 0, bool checked = false) {
    store = std::make_unique<block_store>(
        block_store_options{.block_bytes = bytes, .floor = floor, .limit = limit, .checked = checked});
  }
  void* take() {
    if (void* const block = store->take_cached()) return block;
    void* block = nullptr;
    const std::lock_guard hold{store->lock()};
    return store->take_locked(&block, 1) ? block : nullptr;
  }
  void give(void* block) {
    if (store->give_cached(block)) return;
    const std::lock_guard hold{store->lock()};
    if (store->give_locked(block)) store->open_if_plenty_locked();
  }
  std::vector<void*> take(std::size_t count) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) {
      block = take();
      EXPECT_NE(block, nullptr);
    }
    return blocks;
  }
  void give(const std::vector<void*>& blocks) {
    for (void* block : blocks) give(block);
  }
  void TearDown() override {
    if (store == nullptr) return;
    EXPECT_EQ(store->stats().in_use, 0u);
  }

  std::unique_ptr<block_store> store;
};

TEST_F(BlockStore, blocks_of_every_size_are_aligned_and_apart) {
  for (const std::size_t bytes : {64u, 192u, 1024u, 4096u, 16384u, 65536u, 1u << 20}) {
    open(bytes, 200);
    std::vector<void*> blocks = take(200);
    for (void* block : blocks) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (bytes >= 4096 ? bytes : 64), 0u);
      static_cast<char*>(block)[0] = static_cast<char*>(block)[bytes - 1] = 1;
    }
    std::ranges::sort(blocks);
    for (std::size_t i = 1; i < blocks.size(); ++i)
      EXPECT_GE(static_cast<char*>(blocks[i]) - static_cast<char*>(blocks[i - 1]), std::ptrdiff_t(bytes));
    EXPECT_EQ(take(), nullptr) << "past the limit";
    give(blocks);
  }
}

TEST_F(BlockStore, the_block_given_last_is_taken_first) {
  open(1024, 1000);
  const std::vector<void*> two = take(2);
  give(two);
  EXPECT_EQ(take(), two[1]);
  EXPECT_EQ(take(), two[0]);
  give(two);
}

TEST_F(BlockStore, what_lies_in_the_caches_of_others_counts_for_the_limit_and_can_be_had) {
  open(1024, 1000);
  std::atomic<int> arrived{0};  // std::atomic: the test's own
  std::atomic<bool> end{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      give(take(30));
      arrived.fetch_add(1);
      arrived.notify_all();
      end.wait(false);
    });
  for (int n = arrived.load(); n != 4; n = arrived.load()) arrived.wait(n);
  EXPECT_EQ(store->stats().in_use, 0u);
  const std::vector<void*> all = take(1000);  // the threads live, and have some in their caches
  EXPECT_EQ(std::set<void*>(all.begin(), all.end()).size(), 1000u);
  EXPECT_EQ(take(), nullptr);
  give(all);
  end.store(true);
  end.notify_all();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(BlockStore, the_cache_of_a_thread_that_has_ended_goes_to_the_next) {
  open(1024, 1000);
  std::set<void*> first, second;
  for (std::set<void*>* blocks : {&first, &second})
    std::thread{[&] {
      const std::vector<void*> some = take(5);
      blocks->insert(some.begin(), some.end());
      give(some);
    }}.join();
  EXPECT_EQ(first, second);
}

TEST_F(BlockStore, counts_hits_and_misses) {
  open(1024, 1000);
  for (int i = 0; i < 1000; ++i) give(take());
  const pool_stats stats = store->stats();
  EXPECT_EQ(stats.misses, 1u);
  EXPECT_EQ(stats.hits, 999u);
  EXPECT_EQ(stats.in_use, 0u);
  EXPECT_EQ(stats.limit, 1000u);
}

TEST_F(BlockStore, high_water_is_the_most_that_was_in_use) {
  open(1024, 1000);
  give(take(300));
  give(take(10));
  const std::size_t seen = store->stats().high_water;
  EXPECT_LE(seen, 300u);
  EXPECT_GE(seen, 300u - block_cache::batch_max);
}

TEST_F(BlockStore, keeps_so_much_that_use_is_between_30_and_90_percent) {
  EXPECT_EQ(next_capacity(60, 100, 10, 1000), 100u);
  EXPECT_EQ(next_capacity(90, 100, 10, 1000), 100u);
  EXPECT_EQ(next_capacity(30, 100, 10, 1000), 100u);
  EXPECT_EQ(next_capacity(91, 100, 10, 1000), 152u);  // then 60 % are in use
  EXPECT_EQ(next_capacity(29, 100, 10, 1000), 49u);
  EXPECT_EQ(next_capacity(0, 100, 10, 1000), 10u);
  EXPECT_EQ(next_capacity(950, 1000, 10, 1000), 1000u);
  EXPECT_EQ(next_capacity(1, 0, 0, 1000), 2u);
  EXPECT_EQ(next_capacity(0, 0, 0, 1000), 0u);
  EXPECT_EQ(next_capacity(5, 7, 0, SIZE_MAX), 7u);
  for (std::size_t used = 0; used < 300; ++used) {
    const std::size_t once = next_capacity(used, 100, 0, 1'000'000);
    EXPECT_EQ(next_capacity(used, once, 0, 1'000'000), once) << "it does not come to rest at " << used;
    EXPECT_GE(once, used);
  }
}

TEST_F(BlockStore, grows_with_use_and_gives_memory_back_when_trimmed) {
  constexpr std::size_t count = 20'000;
  open(4096, 100'000, 100);
  EXPECT_EQ(store->stats().capacity, 100u);
  const std::size_t before = status_bytes("VmRSS");
  const std::vector<void*> blocks = take(count);
  for (void* block : blocks) std::memset(block, 1, 4096);
  EXPECT_GE(store->stats().capacity, count);
  const std::size_t full = status_bytes("VmRSS");
  give(blocks);
  while (store->trim(deadline::never())) {}
  EXPECT_EQ(store->stats().capacity, 100u);
  EXPECT_LE(store->stats().idle, 100u + 64u);  // a slab is kept or freed as a whole
  if (!weft_test::sanitized) {
    EXPECT_GT(full, before + 70'000'000);
    EXPECT_LT(status_bytes("VmRSS"), before + 4'000'000);
  }
  give(take(count));  // and may be had again
}

TEST_F(BlockStore, trim_frees_nothing_that_use_justifies) {
  open(4096, 10'000);
  const std::vector<void*> blocks = take(1000);
  std::vector<void*> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::memset(blocks[i], 1, 4096);
    if (i % 2 == 0) kept.push_back(blocks[i]);
    else give(blocks[i]);
  }
  while (store->trim(deadline::never())) {}
  EXPECT_GE(store->stats().capacity, 834u);  // at most 60 % of it are in use
  for (void* block : kept) EXPECT_EQ(static_cast<char*>(block)[100], 1);
  give(kept);
}

TEST_F(BlockStore, large_blocks_are_trimmed_one_by_one) {
  open(1 << 20, 100);
  const std::vector<void*> blocks = take(20);
  for (void* block : blocks) std::memset(block, 1, 1 << 20);
  give(std::vector<void*>(blocks.begin() + 1, blocks.end()));
  while (store->trim(deadline::never())) {}
  EXPECT_LE(store->stats().idle, 2u);
  EXPECT_EQ(static_cast<char*>(blocks[0])[5], 1);
  give(blocks[0]);
}

TEST_F(BlockStore, warm_up_has_the_pages_there_before_the_first_take) {
  open(4096, 1000);
  EXPECT_EQ(store->stats().idle, 0u);
  store->warm_up(500);
  EXPECT_GE(store->stats().idle, 500u);
  EXPECT_GE(store->stats().capacity, 500u);
  const std::size_t before = status_bytes("VmRSS");
  const std::vector<void*> blocks = take(500);
  for (void* block : blocks) static_cast<char*>(block)[0] = 1;
  if (!weft_test::sanitized) {
    EXPECT_LT(status_bytes("VmRSS"), before + 500'000);
  }
  store->warm_up(10'000);  // as far as the limit allows
  EXPECT_EQ(store->stats().in_use, 500u);
  give(blocks);
}

// --- checked

using BlockStoreDeathTest = BlockStore;

TEST_F(BlockStoreDeathTest, a_checked_store_finds_what_is_given_twice_at_once) {
  open(1024, 10, 0, /*checked=*/true);
  void* const block = take();
  give(block);
  EXPECT_DEATH(give(block), "given back twice");
}

TEST_F(BlockStoreDeathTest, a_checked_store_finds_what_is_not_its_own) {
  open(1024, 10, 0, /*checked=*/true);
  block_store other{{.block_bytes = 1024, .limit = 10, .checked = true}};
  void* const block = take();
  EXPECT_DEATH(
      {
        const std::lock_guard hold{other.lock()};
        other.give_locked(block);
      },
      "where it does not come from");
  EXPECT_DEATH(give(static_cast<char*>(block) + 64), "is no block");
  give(block);
}

TEST_F(BlockStoreDeathTest, a_checked_store_finds_use_after_it_was_given_back) {
  for (const std::size_t bytes : {64u, 1024u, 65536u}) {
    open(bytes, 10, 0, /*checked=*/true);
    auto* const block = static_cast<volatile char*>(take());
    give(const_cast<char*>(block));
    EXPECT_DEATH(
        {
          block[bytes - 1] = 1;
          for (int i = 0; i < 10; ++i) take();
        },
        WEFT_ASAN ? "use-after-poison" : "written to after it was given back");
    if (WEFT_ASAN) {
      EXPECT_DEATH(std::printf("%d", block[0]), "use-after-poison");
    }
    const std::vector<void*> all = take(10);  // untouched, they pass
    give(all);
  }
}

TEST_F(BlockStoreDeathTest, what_was_not_given_back_is_found_at_the_end) {
  EXPECT_DEATH(
      {
        open(1024, 10);
        take();
        store.reset();
      },
      "were not given back before its end");
}

TEST_F(BlockStore, a_checked_store_takes_trimmed_pages_as_untouched) {
  open(4096, 1000, 0, /*checked=*/true);
  give(take(500));
  while (store->trim(deadline::never())) {}
  give(take(500));
}

// --- many threads

TEST_F(BlockStore, many_threads_at_the_limit_never_share_a_block_and_lose_none) {
  for (const std::size_t limit : {3u, 40u, 400u}) {
    open(64, limit);
    std::atomic<std::size_t> in_use{0};
    const auto work = [&](unsigned seed) {
      std::mt19937 random{seed};
      std::vector<void*> mine;
      for (int i = 0; i < scaled(20'000); ++i) {
        if (random() % 2 == 0) {
          if (void* const block = take()) {
            ASSERT_LE(in_use.fetch_add(1) + 1, limit);
            *static_cast<void**>(block) = &mine;
            mine.push_back(block);
          }
        } else if (!mine.empty()) {
          std::swap(mine[random() % mine.size()], mine.back());
          ASSERT_EQ(*static_cast<void**>(mine.back()), &mine) << "another thread has the same block";
          in_use.fetch_sub(1);
          give(mine.back());
          mine.pop_back();
        }
        if (i % 4096 == 0) store->trim(deadline::past());
      }
      in_use.fetch_sub(mine.size());
      for (void* block : mine) give(block);
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 4; ++i) threads.emplace_back(work, i + 1);
    for (std::thread& thread : threads) thread.join();
    give(take(limit));
  }
}

TEST(ThreadSlot, is_each_thread_s_own_and_used_again) {
  std::set<std::uint32_t> seen;
  std::mutex lock;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> threads;
    std::atomic<int> arrived{0};
    std::set<std::uint32_t> now;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        const std::uint32_t mine = take_thread_slot();
        EXPECT_EQ(take_thread_slot(), mine);
        {
          const std::lock_guard hold{lock};
          EXPECT_TRUE(now.insert(mine).second);
          seen.insert(mine);
        }
        arrived.fetch_add(1);
        arrived.notify_all();
        for (int n = arrived.load(); n != 8; n = arrived.load()) arrived.wait(n);
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(seen.count(0), 0u);
  EXPECT_LE(seen.size(), 8u + 8u);
}

// A store works for a thread that came when all slots were taken, too.
TEST_F(BlockStore, serves_threads_without_a_slot) {
  open(64, 100);
  std::thread{[&] {
    leave_thread_slot();
    EXPECT_EQ(take_thread_slot(), 0u);
    give(take(100));
    EXPECT_EQ(store->stats().hits, 0u);
  }}.join();
}

}  // namespace
}  // namespace weft::detail

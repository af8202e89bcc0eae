// Slabs: dense, aligned, type-stable, visited in full, and trimmed.
#include <weft/pools/slab.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "process_memory.hpp"

namespace weft::detail {
namespace {

using weft_test::mappings;
using weft_test::status_bytes;

constexpr bool sanitized = WEFT_ASAN || WEFT_TSAN;

struct SlabDepot : testing::Test {
  void open(std::size_t block_bytes = 256, std::size_t warm = slab_depot::default_warm) {
    depot = std::make_unique<slab_depot>(block_bytes, warm);
    cache = std::make_unique<slab_cache>(*depot);
  }
  std::vector<void*> take(std::size_t count) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) {
      block = cache->take();
      EXPECT_NE(block, nullptr);
    }
    return blocks;
  }
  void give(const std::vector<void*>& blocks) {
    for (void* block : blocks) cache->give(block);
  }
  void TearDown() override {
    if (depot == nullptr) return;
    EXPECT_EQ(depot->count().in_use, 0u);
    cache.reset();
    depot.reset();
  }

  std::unique_ptr<slab_depot> depot;
  std::unique_ptr<slab_cache> cache;
};

TEST_F(SlabDepot, blocks_are_zero_at_first_aligned_and_never_overlap) {
  for (const std::size_t bytes : {64u, 256u, 320u, 4096u}) {
    open(bytes);
    const std::vector<void*> blocks = take(2'000);
    const std::vector<std::byte> zero(bytes);
    for (void* block : blocks) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0u);
      EXPECT_EQ(std::memcmp(block, zero.data(), bytes), 0);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i)
      std::memset(blocks[i], static_cast<int>(i % 255) + 1, bytes);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::vector<std::byte> expected(bytes, static_cast<std::byte>(i % 255 + 1));
      EXPECT_EQ(std::memcmp(blocks[i], expected.data(), bytes), 0);
    }
    give(blocks);
    cache.reset();
    depot.reset();
  }
}

TEST_F(SlabDepot, blocks_lie_side_by_side) {
  open();
  std::vector<void*> blocks = take(6'400);
  std::ranges::sort(blocks);
  EXPECT_EQ(static_cast<std::byte*>(blocks.back()) - static_cast<std::byte*>(blocks.front()), 6'399 * 256);
  give(blocks);
}

TEST_F(SlabDepot, the_block_given_last_is_taken_first) {
  open();
  const std::vector<void*> blocks = take(2);
  give(blocks);
  EXPECT_EQ(cache->take(), blocks[1]);
  EXPECT_EQ(cache->take(), blocks[0]);
  give(blocks);
}

// A free block still says that it is free.
TEST_F(SlabDepot, giving_writes_nothing_into_the_block) {
  open();
  const std::vector<void*> blocks = take(1'000);
  for (void* block : blocks) std::memset(block, 0x77, 256);
  give(blocks);
  const std::vector<std::byte> expected(256, std::byte{0x77});
  for (void* block : blocks) EXPECT_EQ(std::memcmp(block, expected.data(), 256), 0);
}

TEST_F(SlabDepot, a_block_goes_back_without_a_cache_from_any_thread) {
  open();
  void* const block = cache->take();
  std::thread{[&] { depot->give(block); }}.join();
  EXPECT_EQ(depot->count().in_use, 0u);
}

TEST_F(SlabDepot, a_block_given_twice_is_an_assertion) {
  open();
  void* const block = cache->take();
  depot->give(block);
  EXPECT_DEATH(depot->give(block), "given back twice");
}

TEST_F(SlabDepot, for_each_visits_every_block_in_use_and_none_twice) {
  open(64);
  std::vector<void*> blocks = take(70'000);
  const std::vector<void*> back{blocks.begin() + 20'000, blocks.begin() + 50'000};
  blocks.erase(blocks.begin() + 20'000, blocks.begin() + 50'000);
  give(back);
  for (void* block : blocks) *static_cast<int*>(block) = 1;
  for (void* block : back) *static_cast<int*>(block) = 0;
  std::size_t visited = 0, in_use = 0;
  std::set<void*> seen;
  depot->for_each([&](void* block) {
    ++visited;
    EXPECT_TRUE(seen.insert(block).second);
    if (*static_cast<int*>(block) == 1) ++in_use;
  });
  EXPECT_EQ(in_use, 40'000u);
  EXPECT_LE(visited, 40'000u + slab_cache::capacity);  // some more are in the cache
  for (void* block : blocks) EXPECT_TRUE(seen.contains(block));
  give(blocks);
}

TEST_F(SlabDepot, trim_frees_the_pages_of_empty_slabs_and_nothing_else) {
  open();
  const std::size_t before = status_bytes("VmRSS");
  std::vector<void*> blocks = take(200'000);
  for (void* block : blocks) std::memset(block, 0x33, 256);
  const std::size_t full = status_bytes("VmRSS");
  std::vector<void*> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 9'999 == 0) kept.push_back(blocks[i]);
    else cache->give(blocks[i]);
  }
  EXPECT_FALSE(cache->trim());
  EXPECT_EQ(depot->count().in_use, kept.size());
  if (!sanitized) {
    EXPECT_GT(full, before + 48 * 1024 * 1024);
    EXPECT_LT(status_bytes("VmRSS"), before + 4 * 1024 * 1024);
  }
  const std::vector<std::byte> expected(256, std::byte{0x33});
  for (void* block : kept) EXPECT_EQ(std::memcmp(block, expected.data(), 256), 0);
  // What was trimmed may still be looked at, and may be had again.
  for (void* block : blocks)
    EXPECT_TRUE(*static_cast<char*>(block) == 0x33 || *static_cast<char*>(block) == 0);
  give(kept);
  const std::vector<void*> again = take(200'000);
  EXPECT_EQ(std::set<void*>(again.begin(), again.end()), std::set<void*>(blocks.begin(), blocks.end()));
  give(again);
}

TEST_F(SlabDepot, trim_keeps_the_warm_blocks) {
  constexpr std::size_t warm = slab_cache::capacity;  // whole batches
  open(256, warm);
  const std::vector<void*> blocks = take(10'000);
  for (void* block : blocks) *static_cast<char*>(block) = 0x44;
  give(blocks);
  EXPECT_FALSE(cache->trim());
  const auto kept =
      std::ranges::count_if(blocks, [](void* block) { return *static_cast<char*>(block) == 0x44; });
  EXPECT_GE(kept, std::ptrdiff_t{warm});
  EXPECT_LT(kept, std::ptrdiff_t{warm + 64});  // a slab is kept or freed as a whole
  // And these go out first.
  for (void* block : take(warm)) {
    EXPECT_EQ(*static_cast<char*>(block), 0x44);
    cache->give(block);
  }
}

TEST_F(SlabDepot, trim_stops_at_its_deadline_and_goes_on_when_called_again) {
  open(256, 0);
  give(take(100'000));
  ASSERT_TRUE(cache->trim(deadline::past()));
  std::size_t calls = 1;
  while (depot->trim(deadline::past())) ASSERT_LT(++calls, 1'000u);
  EXPECT_GT(calls, 5u);
}

TEST_F(SlabDepot, a_million_small_blocks_are_few_mappings) {
  open(64);
  const std::size_t before = mappings();
  const std::vector<void*> blocks = take(1'100'000);
  EXPECT_LT(mappings(), before + 6);
  give(blocks);
}

TEST_F(SlabDepot, many_threads_share_a_depot_while_it_is_visited_and_trimmed) {
  open(256, 0);
  std::mutex lock;
  std::vector<void*> heap;
  const auto work = [&](unsigned seed) {
    std::mt19937 random{seed};
    slab_cache mine{*depot};
    for (int round = 0; round < 3'000; ++round) {
      std::vector<void*> taken(random() % 200);
      for (void*& block : taken) {
        block = mine.take();
        ASSERT_NE(block, nullptr);
        *static_cast<void**>(block) = &block;
      }
      for (void*& block : taken)
        ASSERT_EQ(*static_cast<void**>(block), &block) << "another thread has the same block";
      const std::lock_guard hold{lock};
      heap.insert(heap.end(), taken.begin(), taken.end());
      for (std::size_t n = random() % 220; n > 0 && !heap.empty(); --n) {
        std::swap(heap[random() % heap.size()], heap.back());
        if (random() % 16 == 0) depot->give(heap.back());
        else mine.give(heap.back());
        heap.pop_back();
      }
      if (random() % 64 == 0) mine.trim();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 3; ++i) threads.emplace_back(work, i + 1);
  for (int i = 0; i < 50; ++i) {
    std::size_t visited = 0;
    depot->for_each([&](void*) { ++visited; });
    EXPECT_LT(visited, 10'000'000u);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(depot->count().in_use, heap.size());
  for (void* block : heap) depot->give(block);
}

TEST(ProcessSlabs, are_the_same_for_everyone) {
  EXPECT_EQ(&process_slabs<192>(), &process_slabs<192>());
  EXPECT_EQ(process_slabs<192>().block_bytes(), 192u);
}

}  // namespace
}  // namespace weft::detail

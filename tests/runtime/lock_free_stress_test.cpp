// spsc_ring, mpmc_queue and work_stealing_deque on real threads: what the simulator cannot judge, the memory
// orders, here and under ThreadSanitizer.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/mpmc_queue.hpp>
#include <weft/runtime/spsc_ring.hpp>
#include <weft/runtime/work_stealing_deque.hpp>

namespace weft {
namespace {

// Plain memory that changes hands with a pointer to it.
struct item {
  std::uint64_t number = 0;
  bool taken = false;
};

TEST(LockFreeStress, the_ring_passes_plain_memory_in_order) {
  const auto count = static_cast<std::uint64_t>(weft_test::scaled(1'000'000));
  spsc_ring<item> ring{64};
  std::jthread producer{[&] {
    for (std::uint64_t next = 0; next < count;) {
      const std::span<item> room = ring.writable();
      const std::size_t n = std::min<std::size_t>(room.size(), count - next);
      for (item& e : room.first(n)) e.number = next++;
      ring.commit_write(n);
      if (n == 0) std::this_thread::yield();
    }
  }};
  for (std::uint64_t next = 0; next < count;) {
    const std::span<item> data = ring.readable();
    for (const item& e : data) ASSERT_EQ(e.number, next++);
    ring.commit_read(data.size());
    if (data.empty()) std::this_thread::yield();
  }
}

TEST(LockFreeStress, the_queue_passes_every_value_once) {
  constexpr std::size_t producers = 3, consumers = 3;
  const auto each = static_cast<std::uint64_t>(weft_test::scaled(100'000));
  mpmc_queue<std::unique_ptr<item>> q{32};
  std::atomic<std::uint64_t> left{producers * each}, sum{0};  // std::atomic: the test's own
  {
    std::vector<std::jthread> threads;
    for (std::size_t p = 0; p < producers; ++p)
      threads.emplace_back([&, p] {
        for (std::uint64_t i = 0; i < each; ++i) {
          auto value = std::make_unique<item>(item{.number = p * each + i, .taken = false});
          while (!q.try_push(std::move(value))) std::this_thread::yield();
        }
      });
    for (std::size_t c = 0; c < consumers; ++c)
      threads.emplace_back([&] {
        std::array<std::uint64_t, producers> next{};
        while (left.load(std::memory_order_relaxed) > 0) {
          const auto got = q.try_pop();
          if (!got) {
            std::this_thread::yield();
            continue;
          }
          const std::uint64_t n = (*got)->number;
          EXPECT_GE(n % each, next[n / each]) << "overtaken";
          next[n / each] = n % each + 1;
          sum.fetch_add(n, std::memory_order_relaxed);
          left.fetch_sub(1, std::memory_order_relaxed);
        }
      });
  }
  const std::uint64_t all = producers * each;
  EXPECT_EQ(sum.load(), all * (all - 1) / 2);
}

TEST(LockFreeStress, the_deque_gives_every_element_to_one) {
  const auto count = static_cast<std::size_t>(weft_test::scaled(300'000));
  std::vector<item> items(count);
  work_stealing_deque<item*> deque{64};
  std::atomic<std::size_t> taken{0};  // std::atomic: the test's own
  const auto take = [&](item& e) {
    EXPECT_FALSE(e.taken);
    EXPECT_EQ(&items[e.number], &e);
    e.taken = true;  // a race, if two get it
    taken.fetch_add(1, std::memory_order_relaxed);
  };
  {
    std::vector<std::jthread> thieves;
    for (int t = 0; t < 3; ++t)
      thieves.emplace_back([&] {
        while (taken.load(std::memory_order_relaxed) < count) {
          if (const auto got = deque.steal()) take(**got);
          else std::this_thread::yield();
        }
      });
    // Mostly one or two elements: the last one is what owner and thieves fight for.
    for (std::size_t i = 0; i < count; ++i) {
      items[i].number = i;
      while (!deque.push(&items[i]))
        if (const auto got = deque.pop()) take(**got);
      if (i % 4 != 0)
        if (const auto got = deque.pop()) take(**got);
    }
    while (const auto got = deque.pop()) take(**got);
  }
  EXPECT_EQ(taken.load(), count);
}

}  // namespace
}  // namespace weft

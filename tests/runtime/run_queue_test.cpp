// run_queue and unstarted_ring by themselves: order across both queues, overflow, and that thieves and owner
// never get a fiber twice or lose one.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/run_queue.hpp>
#include <weft/runtime/unstarted_ring.hpp>

namespace weft::detail {
namespace {

// Control blocks as they come from a slab: zeroes, made fibers by reset().
class blocks {
 public:
  explicit blocks(std::size_t count) : memory_{new(std::align_val_t{64}) std::byte[count * sizeof(fiber)]{}} {
    for (std::size_t i = 0; i < count; ++i) {
      (*this)[i].id = fiber_id{i};
      (*this)[i].level = static_cast<std::uint8_t>(priority::normal);
    }
  }
  blocks(const blocks&) = delete;
  blocks& operator=(const blocks&) = delete;
  ~blocks() { ::operator delete[](memory_, std::align_val_t{64}); }

  fiber& operator[](std::size_t i) { return *reinterpret_cast<fiber*>(memory_ + i * sizeof(fiber)); }

 private:
  std::byte* memory_;
};

std::uint64_t id(const fiber* f) { return static_cast<std::uint64_t>(f->id); }

TEST(BatchSize, grows_with_the_queue) {
  constexpr std::pair<std::size_t, unsigned> table[] = {
      {0, 16}, {1, 16}, {99, 16}, {100, 32}, {499, 32}, {500, 64}, {999, 64}, {1000, 128}, {1u << 20, 128}};
  for (const auto& [ready, size] : table) EXPECT_EQ(batch_size(ready), size) << ready;
}

TEST(RunQueue, keeps_the_order_of_arrival_across_started_and_unstarted) {
  for (const bool shared : {false, true}) {
    blocks b{100};
    auto q = std::make_unique<run_queue>(shared);
    for (std::size_t i = 0; i < 100; ++i) {
      if (i % 3 == 0) q->push(b[i]);
      else q->push_unstarted(b[i]);
    }
    EXPECT_EQ(q->size(), 100u);
    for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(id(q->pop()), i);
    EXPECT_EQ(q->pop(), nullptr);
    EXPECT_TRUE(q->empty());
  }
}

TEST(RunQueue, takes_the_highest_level_first) {
  blocks b{8};
  auto q = std::make_unique<run_queue>(true);
  for (std::size_t i = 0; i < 8; ++i) {
    b[i].level = static_cast<std::uint8_t>(i / 2);
    if (i % 2 == 0) q->push(b[i]);
    else q->push_unstarted(b[i]);
  }
  for (const std::uint64_t expected : {6u, 7u, 4u, 5u, 2u, 3u, 0u, 1u}) EXPECT_EQ(id(q->pop()), expected);
}

// More than a ring holds waits in a list, and nothing is dropped or overtaken.
TEST(RunQueue, drops_nothing_when_the_ring_is_full) {
  constexpr std::size_t count = 3 * unstarted_ring::capacity + 7;
  blocks b{count};
  auto q = std::make_unique<run_queue>(true);
  for (std::size_t i = 0; i < count; ++i) q->push_unstarted(b[i]);
  EXPECT_EQ(q->size(), count);
  EXPECT_EQ(q->unstarted(), count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 100 == 50) q->refill();
    ASSERT_EQ(id(q->pop()), i);
  }
  EXPECT_EQ(q->pop(), nullptr);
  EXPECT_EQ(q->size(), 0u);
}

TEST(RunQueue, lower_levels_are_picked_in_turn) {
  blocks b{4};
  auto q = std::make_unique<run_queue>(false);
  std::array<int, 4> picks{};
  for (std::size_t i = 0; i < 4; ++i) {
    b[i].level = static_cast<std::uint8_t>(i);
    q->push(b[i]);
  }
  for (int i = 0; i < 30; ++i) {
    fiber* const f = q->pop_lower();
    ASSERT_NE(f, nullptr);
    ++picks[f->level];
    q->push(*f);
  }
  EXPECT_EQ(picks, (std::array<int, 4>{10, 10, 10, 0}));
  while (q->pop() != nullptr) {}
  fiber& only = b[2];
  q->push(only);
  EXPECT_EQ(q->pop_lower(), nullptr);  // one level alone has no lower one
}

TEST(RunQueue, exchange_refuses_what_it_cannot_do_in_one_step) {
  blocks b{4};
  auto q = std::make_unique<run_queue>(false);
  int stack = 0;
  for (std::size_t i = 0; i < 4; ++i) b[i].where.sp = &stack;
  EXPECT_EQ(q->exchange(b[0]), nullptr);  // empty
  q->push(b[1]);
  EXPECT_EQ(q->exchange(b[0]), &b[1]);
  EXPECT_EQ(q->exchange(b[1]), &b[0]);
  b[2].level = static_cast<std::uint8_t>(priority::high);
  q->push(b[2]);
  EXPECT_EQ(q->exchange(b[0]), nullptr);  // another level
  EXPECT_EQ(q->pop(), &b[2]);
  EXPECT_EQ(q->pop(), &b[1]);
  b[3].where.sp = nullptr;
  q->push(b[3]);
  EXPECT_EQ(q->exchange(b[0]), nullptr);  // no stack yet
  EXPECT_EQ(q->pop(), &b[3]);
  EXPECT_EQ(q->pop(), nullptr);
}

// What a run queue has to answer, the slow way.
class model {
 public:
  void push(fiber& f) { ready_.push_back(&f); }

  fiber* pop() {
    const auto first = std::ranges::max_element(ready_, {}, [](const fiber* f) { return f->level; });
    if (first == ready_.end()) return nullptr;
    fiber* const f = *first;
    ready_.erase(first);
    return f;
  }

  // Whether `f` is the oldest of its level, and that not the highest; takes it out.
  bool take_lower(const fiber* f) {
    const auto first = std::ranges::find(ready_, f->level, [](const fiber* g) { return g->level; });
    if (first == ready_.end() || *first != f) return false;
    const auto highest = std::ranges::max(ready_, {}, [](const fiber* g) { return g->level; })->level;
    ready_.erase(first);
    return f->level < highest;
  }

  bool has_lower() const {
    return std::ranges::any_of(ready_, [&](const fiber* f) { return f->level != ready_.front()->level; });
  }

  void stolen(const fiber* f) { std::erase(ready_, f); }

  std::size_t size() const { return ready_.size(); }

 private:
  std::vector<fiber*> ready_;  // in the order of arrival
};

TEST(RunQueue, answers_as_a_sorted_list_would) {
  constexpr std::size_t count = 12;  // few, so that one alone, two and none are frequent
  for (const bool shared : {false, true}) {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
      blocks b{count};
      model expected;
      run_queue q{shared};
      int stack = 0;
      std::vector<fiber*> free;
      for (std::size_t i = 0; i < count; ++i) free.push_back(&b[i]);
      std::minstd_rand random{seed};
      for (int turn = 0; turn < 300; ++turn) {
        const bool full = free.empty();
        const auto what = full ? 3 : random() % 7;
        if (what < 3) {
          fiber& f = *free.back();
          free.pop_back();
          f.level = static_cast<std::uint8_t>(random() % 8 == 0 ? random() % 4 : 1);
          f.where.sp = what == 0 ? nullptr : &stack;
          if (what == 2 && q.size() != 0) {
            if (fiber* const next = q.exchange(f)) {
              expected.push(f);
              ASSERT_EQ(next, expected.pop()) << "seed " << seed << ", turn " << turn;
              free.push_back(next);
            } else {
              free.push_back(&f);
            }
            continue;
          }
          expected.push(f);
          if (what == 0) q.push_unstarted(f);
          else q.push(f);
        } else if (what == 5) {
          fiber* loot[2];
          const std::uint32_t n = run_queue::steal(q, loot, 2);
          ASSERT_TRUE(shared || n == 0);
          for (std::uint32_t i = 0; i < n; ++i) {
            expected.stolen(loot[i]);
            free.push_back(loot[i]);
          }
        } else if (what == 6 && !shared) {  // after a theft the highest level may only seem to have some
          fiber* const f = q.pop_lower();
          ASSERT_EQ(f != nullptr, expected.has_lower()) << "seed " << seed << ", turn " << turn;
          if (f == nullptr) continue;
          ASSERT_TRUE(expected.take_lower(f)) << "seed " << seed << ", turn " << turn;
          free.push_back(f);
        } else {
          fiber* const f = q.pop();
          ASSERT_EQ(f, expected.pop()) << "seed " << seed << ", turn " << turn;
          if (f != nullptr) free.push_back(f);
        }
        ASSERT_EQ(q.size(), expected.size());
        if (expected.size() != 0) {
          ASSERT_FALSE(q.empty());
        } else if (!shared) {
          ASSERT_TRUE(q.empty());  // a theft shows at the next pop()
        }
      }
    }
  }
}

TEST(UnstartedRing, is_full_at_its_capacity) {
  blocks b{unstarted_ring::capacity + 1};
  auto ring = std::make_unique<unstarted_ring>();
  for (std::size_t i = 0; i < unstarted_ring::capacity; ++i) ASSERT_TRUE(ring->push(b[i]));
  EXPECT_FALSE(ring->push(b[unstarted_ring::capacity]));
  EXPECT_EQ(ring->size(), unstarted_ring::capacity);
  EXPECT_EQ(ring->pop(~std::uint64_t{0}), &b[0]);
  EXPECT_TRUE(ring->push(b[unstarted_ring::capacity]));
}

TEST(UnstartedRing, a_thief_takes_the_older_half_and_no_more_than_it_asked_for) {
  blocks b{100};
  auto ring = std::make_unique<unstarted_ring>();
  for (std::size_t i = 0; i < 9; ++i) ring->push(b[i]);
  std::array<fiber*, 32> loot{};
  ASSERT_EQ(ring->steal(loot.data(), 32), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(loot[i], &b[i]);
  ASSERT_EQ(ring->steal(loot.data(), 1), 1u);
  EXPECT_EQ(loot[0], &b[5]);
  ASSERT_EQ(ring->steal(loot.data(), 32), 2u);
  ASSERT_EQ(ring->steal(loot.data(), 32), 1u);
  EXPECT_EQ(loot[0], &b[8]);
  EXPECT_EQ(ring->steal(loot.data(), 32), 0u);
}

TEST(UnstartedRing, the_owner_leaves_what_is_younger) {
  blocks b{2};
  auto ring = std::make_unique<unstarted_ring>();
  b[0].order = 7;
  ring->push(b[0]);
  EXPECT_EQ(ring->pop(6), nullptr);
  EXPECT_EQ(ring->pop(8), &b[0]);
}

TEST(UnstartedRing, owner_and_thieves_get_every_fiber_once) {
  const auto count = static_cast<std::size_t>(weft_test::scaled(200'000));
  blocks b{count};
  std::vector<atomic<int>> taken(count);
  auto ring = std::make_unique<unstarted_ring>();
  atomic<bool> over{false};
  atomic<std::size_t> total{0};
  const auto take = [&](const fiber* f) {
    taken[id(f)].fetch_add(1, std::memory_order_relaxed);
    total.fetch_add(1, std::memory_order_relaxed);
  };
  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i)
    thieves.emplace_back([&] {
      fiber* loot[16];
      while (!over.load()) {
        const std::uint32_t n = ring->steal(loot, 16);
        for (std::uint32_t k = 0; k < n; ++k) take(loot[k]);
      }
    });
  for (std::size_t i = 0; i < count;) {
    if (ring->push(b[i])) ++i;
    else if (const fiber* const f = ring->pop(~std::uint64_t{0})) take(f);
    if (i % 5 == 0)
      if (const fiber* const f = ring->pop(~std::uint64_t{0})) take(f);
  }
  while (const fiber* const f = ring->pop(~std::uint64_t{0})) take(f);
  while (total.load() < count) std::this_thread::yield();
  over.store(true);
  for (std::thread& t : thieves) t.join();
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(taken[i].load(), 1) << i;
}

}  // namespace
}  // namespace weft::detail

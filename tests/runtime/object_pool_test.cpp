// object_pool in simulated worlds: objects live as long as their handles, stay where they are, and a limit
// that is full makes wait. What every interleaving of the blocks under it does, block_pool_test shows.
#include <array>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/object_pool.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

struct counted {
  explicit counted(int v = 0) : value{v} {
    if (v < 0) throw std::invalid_argument{"negative"};
    if (constructions_left == 0) throw std::runtime_error{"enough"};
    --constructions_left;
    ++alive;
  }
  counted(const counted&) = delete;
  ~counted() { --alive; }

  int value;
  static inline int alive = 0;
  static inline int constructions_left = 1'000'000'000;
};

static_assert(std::is_nothrow_move_constructible_v<pooled<int>> &&
              !std::is_copy_constructible_v<pooled<int>>);
static_assert(!std::is_move_constructible_v<object_pool<int>>);
static_assert(object_pool<char>::block_bytes() == 64);
static_assert(object_pool<std::array<char, 65>>::block_bytes() == 128);
static_assert(object_pool<std::array<char, 5000>>::block_bytes() == 8192);
struct alignas(256) page_like {
  char bytes[256];
};
static_assert(object_pool<page_like>::block_bytes() == 4096);

TEST(ObjectPool, makes_an_object_of_the_arguments_and_destroys_it_with_its_handle) {
  sim world{1};
  object_pool<counted> pool{{.limit = 10}};
  {
    const auto a = pool.acquire(42);
    const auto b = pool.try_acquire(43);
    ASSERT_TRUE(a && b);
    EXPECT_EQ((*a)->value, 42);
    EXPECT_EQ((**b).value, 43);
    EXPECT_EQ(counted::alive, 2);
    EXPECT_EQ(pool.stats().in_use, 2u);
  }
  EXPECT_EQ(counted::alive, 0);
  EXPECT_EQ(pool.stats().in_use, 0u);
}

TEST(ObjectPool, an_object_stays_where_it_is_when_its_handle_moves) {
  sim world{1};
  object_pool<counted> pool;
  pooled<counted> one = *pool.acquire(1);
  counted* const address = one.get();
  pooled<counted> other = std::move(one);
  EXPECT_EQ(other.get(), address);
  EXPECT_FALSE(one);
  other = *pool.acquire(2);
  EXPECT_EQ(counted::alive, 1) << "what it held before has gone";
  EXPECT_EQ(other->value, 2);
  other.reset();
  EXPECT_EQ(counted::alive, 0);
}

TEST(ObjectPool, an_aligned_type_is_aligned) {
  sim world{1};
  object_pool<page_like> pool;
  std::vector<pooled<page_like>> some(20);
  ASSERT_TRUE(pool.acquire_batch(some));
  for (const auto& p : some) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p.get()) % 256, 0u);
}

TEST(ObjectPool, what_its_constructor_throws_costs_no_place) {
  sim world{1};
  object_pool<counted> pool{{.limit = 1}};
  EXPECT_THROW((void)pool.acquire(-1), std::invalid_argument);
  EXPECT_THROW((void)pool.try_acquire(-1), std::invalid_argument);
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_TRUE(pool.try_acquire(1));
}

TEST(ObjectPool, a_batch_is_all_or_none) {
  sim world{1};
  object_pool<counted> pool{{.limit = 50, .exhausted = exhaustion::refuse}};
  std::vector<pooled<counted>> many(30), more(30);
  ASSERT_TRUE(pool.acquire_batch(many));
  EXPECT_EQ(counted::alive, 30);
  EXPECT_EQ(pool.acquire_batch(more).error(), errc::limit);
  EXPECT_EQ(counted::alive, 30);
  ASSERT_TRUE(pool.acquire_batch(many)) << "what it holds is given back first";
  std::set<counted*> different;
  for (const auto& p : many) different.insert(p.get());
  EXPECT_EQ(different.size(), 30u);
}

TEST(ObjectPool, a_constructor_that_throws_in_a_batch_leaves_nothing_taken_for_good) {
  sim world{1};
  object_pool<counted> pool{{.limit = 50}};
  std::vector<pooled<counted>> many(30);
  counted::constructions_left = 7;
  EXPECT_THROW((void)pool.acquire_batch(many), std::runtime_error);
  counted::constructions_left = 1'000'000'000;
  EXPECT_EQ(pool.stats().in_use, 7u) << "those that were made are in the handles";
  EXPECT_EQ(counted::alive, 7);
  many.clear();
  EXPECT_EQ(pool.stats().in_use, 0u);
}

TEST(ObjectPool, waits_at_the_limit_and_gives_up_at_the_deadline) {
  sim world{1};
  object_pool<counted> pool{{.limit = 1}};
  auto held = pool.acquire(1);
  int got = 0;
  std::error_code gave_up;
  world.spawn([&] { gave_up = pool.acquire_until(world.in(1ms), 5).error(); });
  world.advance(0ms);
  world.thread([&] { got = (*pool.acquire(7))->value; });
  world.advance(2ms);
  EXPECT_EQ(gave_up, errc::deadline_exceeded);
  EXPECT_EQ(pool.try_acquire(1).error(), errc::limit);
  EXPECT_EQ(world.parked(), 1u);
  held->reset();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(got, 7);
}

TEST(ObjectPool, warm_up_has_the_memory_there) {
  sim world{1};
  object_pool<std::array<char, 4096>> pool{{.limit = 100}};
  EXPECT_EQ(pool.stats().idle, 0u);
  pool.warm_up(50);
  EXPECT_GE(pool.stats().idle, 50u);
}

TEST(ObjectPool, objects_are_never_shared_whoever_makes_and_destroys_them) {
  explore(2'000, [](sim& world) {
    counted::alive = 0;
    object_pool<counted> pool{{.limit = 2, .checked = false}};
    const auto works = [&](int who) {
      return [&, who] {
        for (int i = 0; i < 3; ++i) {
          const auto mine = pool.acquire(who);
          world.interleave();
          world.check((*mine)->value == who, "two have the same object");
          world.check(counted::alive <= 2, "more objects than the limit");
        }
      };
    };
    world.spawn(works(1));
    world.spawn(works(2));
    world.thread(works(3));
    world.run();
    world.check(counted::alive == 0, "an object was not destroyed");
  });
}

TEST(ObjectPoolDeathTest, an_object_that_outlives_its_pool_is_an_assertion) {
  EXPECT_DEATH(
      {
        pooled<int> left;
        object_pool<int> pool;
        left = *pool.acquire(1);
      },
      "were not given back before its end");
}

}  // namespace
}  // namespace weft

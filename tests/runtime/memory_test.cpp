// pool_resource, task_arena and tiered_pool: sizes, alignment, limits, and that all of it goes back. What the
// pools under them do in every interleaving, block_pool_test shows.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/pool_resource.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/task_arena.hpp>
#include <weft/runtime/tiered_pool.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

struct piece {
  std::byte* at;
  std::size_t bytes;
  std::size_t alignment;
};

/// Allocations of every size and alignment, each filled with its own number.
std::vector<piece> fill(std::pmr::memory_resource& from) {
  std::vector<piece> all;
  for (std::size_t alignment = 1; alignment <= 8192; alignment *= 4)
    for (std::size_t bytes = 1; bytes < 100'000; bytes += bytes / 3 + 7) {
      auto* const at = static_cast<std::byte*>(from.allocate(bytes, alignment));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % alignment, 0u);
      std::memset(at, static_cast<int>(all.size() % 251), bytes);
      all.push_back({at, bytes, alignment});
    }
  return all;
}

void expect_untouched(const std::vector<piece>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<std::byte> expected(all[i].bytes, static_cast<std::byte>(i % 251));
    EXPECT_EQ(std::memcmp(all[i].at, expected.data(), all[i].bytes), 0) << all[i].bytes;
  }
}

std::size_t in_use(std::string_view name) {
  std::size_t sum = 0;
  for_each_pool([&](std::string_view pool, const pool_stats& stats) {
    if (pool.starts_with(name)) sum += stats.in_use;
  });
  return sum;
}

// --- pool_resource

TEST(PoolResource, gives_memory_of_every_size_and_alignment) {
  sim world{1};
  pool_resource pool;
  const std::vector<piece> all = fill(pool);
  expect_untouched(all);
  EXPECT_GT(pool.stats().in_use, 50u);
  for (const piece& p : all) pool.deallocate(p.at, p.bytes, p.alignment);
  EXPECT_EQ(pool.stats().in_use, 0u);
}

TEST(PoolResource, small_objects_do_not_reach_upstream_and_large_ones_do) {
  sim world{1};
  pool_resource pool{{.limit = SIZE_MAX}, std::pmr::null_memory_resource()};
  for (std::size_t bytes = 0; bytes <= pool_resource::small_max; bytes += 16)
    pool.deallocate(pool.allocate(bytes), bytes);
  EXPECT_THROW((void)pool.allocate(pool_resource::small_max + 1), std::bad_alloc);
  EXPECT_THROW((void)pool.allocate(64, 128), std::bad_alloc);
}

TEST(PoolResource, an_object_takes_the_smallest_block_that_holds_it) {
  sim world{1};
  pool_resource pool{{.limit = 1, .exhausted = exhaustion::refuse}};
  for (const std::size_t bytes : {64u, 128u, 192u, 256u, 384u, 512u, 768u, 1024u, 2048u, 4096u}) {
    void* const one = pool.allocate(bytes);
    EXPECT_THROW((void)pool.allocate(bytes - 63), std::bad_alloc) << "it is in another size";
    if (bytes < 4096) pool.deallocate(pool.allocate(bytes + 1), bytes + 1);
    pool.deallocate(one, bytes);
  }
}

TEST(PoolResource, containers_of_std_live_in_it) {
  sim world{1};
  pool_resource pool;
  {
    std::pmr::map<int, std::pmr::string> names{&pool};
    std::pmr::list<int> numbers{&pool};
    for (int i = 0; i < 1000; ++i) {
      names.emplace(i, std::string(static_cast<std::size_t>(i % 300), 'x'));
      numbers.push_back(i);
    }
    EXPECT_GE(pool.stats().in_use, 2000u);
    EXPECT_EQ(names.at(299).size(), 299u);
  }
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_TRUE(pool.is_equal(pool));
  pool_resource other;
  EXPECT_FALSE(pool.is_equal(other));
}

TEST(PoolResource, waits_at_its_limit_where_that_was_chosen) {
  sim world{1};
  pool_resource pool{{.limit = 1, .exhausted = exhaustion::wait}};
  void* const held = pool.allocate(100);
  bool got = false;
  world.spawn([&] {
    pool.deallocate(pool.allocate(100), 100);
    got = true;
  });
  EXPECT_EQ(world.parked(), 1u);
  pool.deallocate(held, 100);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_TRUE(got);
}

// --- task_arena

TEST(TaskArena, gives_memory_of_every_size_and_alignment_and_frees_it_at_once) {
  sim world{1};
  {
    task_arena arena;
    EXPECT_EQ(arena.bytes_held(), 0u);
    for (int round = 0; round < 3; ++round) {
      expect_untouched(fill(arena));
      EXPECT_GT(in_use("task_arena"), 1u);
      arena.reset();
      EXPECT_EQ(in_use("task_arena"), 0u);
      EXPECT_EQ(arena.bytes_held(), 0u);
    }
    (void)arena.allocate(1);
    EXPECT_EQ(arena.bytes_held(), 4096u);
  }
  EXPECT_EQ(in_use("task_arena"), 0u);
}

TEST(TaskArena, what_is_allocated_one_after_the_other_lies_side_by_side) {
  sim world{1};
  task_arena arena;
  auto* const first = static_cast<std::byte*>(arena.allocate(16, 8));
  auto* const second = static_cast<std::byte*>(arena.allocate(16, 8));
  EXPECT_EQ(second - first, 16);
}

TEST(TaskArena, what_was_made_in_it_is_destroyed_with_it_newest_first) {
  sim world{1};
  std::string order;
  struct named {
    named(std::string& o, char c) : into{o}, name{c} {}
    ~named() { into += name; }
    std::string& into;
    char name;
  };
  {
    task_arena arena;
    for (const char name : {'a', 'b', 'c'}) EXPECT_EQ(arena.make<named>(order, name).name, name);
    EXPECT_EQ(arena.make<int>(7), 7);
    struct alignas(512) wide {
      ~wide() {}
    };
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&arena.make<wide>()) % 512, 0u);
    EXPECT_EQ(order, "");
  }
  EXPECT_EQ(order, "cba");
}

TEST(TaskArena, a_request_that_cannot_be_met_throws_and_changes_nothing) {
  sim world{1};
  task_arena arena;
  volatile std::size_t too_much = SIZE_MAX - 100;  // the compiler would refuse to build that
  EXPECT_THROW((void)arena.allocate(too_much), std::bad_alloc);
  EXPECT_THROW((void)arena.allocate(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_EQ(arena.bytes_held(), 0u);
}

TEST(TaskArena, each_fiber_has_its_own_which_goes_when_the_fiber_ends) {
  sim world{1};
  std::array<task_arena*, 2> arenas{};
  for (std::size_t i = 0; i < 2; ++i)
    world.spawn([&, i] {
      arenas[i] = &task_arena::here();
      EXPECT_EQ(&task_arena::here(), arenas[i]);
      std::pmr::vector<int> numbers{&task_arena::here()};
      numbers.resize(5000);
      sleep_until(world.in(1ms));
    });
  EXPECT_EQ(world.parked(), 2u);
  EXPECT_NE(arenas[0], arenas[1]);
  EXPECT_EQ(in_use("task_arena"), 2u);
  world.run();
  EXPECT_EQ(in_use("task_arena"), 0u) << "the fibers have ended";
}

// --- tiered_pool

TEST(TieredPool, answers_with_the_smallest_block_that_is_enough) {
  sim world{1};
  tiered_pool pool;
  for (const auto& [bytes, expected] : {std::pair<std::size_t, std::size_t>{0, 1024},
                                        {1, 1024},
                                        {1024, 1024},
                                        {1025, 4096},
                                        {4096, 4096},
                                        {16'384, 16'384},
                                        {16'385, 65'536},
                                        {65'537, 1 << 20},
                                        {1 << 20, 1 << 20}}) {
    EXPECT_EQ(pool.acquire(bytes)->size(), expected) << bytes;
    EXPECT_EQ(pool.try_acquire(bytes)->size(), expected) << bytes;
  }
  EXPECT_EQ(pool.acquire((1 << 20) + 1).error(), errc::limit);
  EXPECT_EQ(pool.try_acquire((1 << 20) + 1).error(), errc::limit);
}

TEST(TieredPool, a_size_that_is_used_up_leaves_the_others_alone) {
  sim world{1};
  tiered_pool pool{{.mib1 = {.limit = 1, .exhausted = exhaustion::refuse}}};
  const auto held = pool.acquire(1 << 20);
  EXPECT_EQ(pool.acquire(1 << 20).error(), errc::limit);
  EXPECT_TRUE(pool.acquire(1 << 16));
  EXPECT_EQ(pool.tier(4).stats().refused, 1u);
  EXPECT_EQ(pool.tier(3).stats().refused, 0u);
}

}  // namespace
}  // namespace weft

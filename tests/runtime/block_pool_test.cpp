// block_pool in simulated worlds: every way of taking against every way in which a wait ends, with a limit
// that is always reached, so that caches are closed, emptied and opened all the time.
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/block_pool.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

static_assert(std::is_nothrow_move_constructible_v<pooled_block> &&
              !std::is_copy_constructible_v<pooled_block>);
static_assert(!std::is_move_constructible_v<block_pool>);

pool_options at_most(std::size_t limit) { return {.limit = limit, .checked = false}; }

TEST(BlockPool, gives_each_block_to_one_at_a_time_and_takes_it_back_by_itself) {
  sim world{1};
  block_pool pool{1024, at_most(3)};
  {
    const auto a = pool.try_acquire(), b = pool.try_acquire(), c = pool.try_acquire();
    ASSERT_TRUE(a && b && c);
    EXPECT_NE(a->data(), b->data());
    EXPECT_NE(b->data(), c->data());
    EXPECT_EQ(a->size(), 1024u);
    EXPECT_EQ(pool.try_acquire().error(), errc::limit);
    EXPECT_EQ(pool.stats().in_use, 3u);
  }
  EXPECT_EQ(pool.stats().in_use, 0u);
  EXPECT_EQ(pool.stats().refused, 1u);
  EXPECT_EQ(pool.stats().high_water, 3u);
}

TEST(BlockPool, a_block_moves_and_can_be_given_back_early) {
  sim world{1};
  block_pool pool{64, at_most(1)};
  pooled_block one = *pool.try_acquire();
  pooled_block other = std::move(one);
  EXPECT_FALSE(one);
  EXPECT_TRUE(other);
  EXPECT_FALSE(pool.try_acquire());
  other.reset();
  EXPECT_FALSE(other);
  EXPECT_EQ(other.size(), 0u);
  EXPECT_TRUE(pool.try_acquire());
}

TEST(BlockPool, waits_at_the_limit_until_the_deadline_and_not_less) {
  sim world{1};
  block_pool pool{1024, at_most(1)};
  const auto held = pool.acquire();
  std::error_code on_fiber, on_thread, past;
  world.spawn([&] { on_fiber = pool.acquire(world.in(5ms)).error(); });
  world.thread([&] { on_thread = pool.acquire(world.in(5ms)).error(); });
  world.spawn([&] { past = pool.acquire(0ns).error(); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber, errc::deadline_exceeded);
  EXPECT_EQ(on_thread, errc::deadline_exceeded);
  EXPECT_EQ(past, errc::deadline_exceeded);
  EXPECT_EQ(pool.stats().refused, 3u);
}

TEST(BlockPool, refuses_at_the_limit_where_that_was_chosen) {
  sim world{1};
  block_pool pool{1024, {.limit = 1, .exhausted = exhaustion::refuse}};
  const auto held = pool.acquire();
  EXPECT_TRUE(held);
  EXPECT_EQ(pool.acquire().error(), errc::limit);
  EXPECT_EQ(pool.acquire(1s).error(), errc::limit);
}

TEST(BlockPool, a_stop_ends_the_wait_and_takes_nothing_away) {
  sim world{1};
  block_pool pool{1024, at_most(1)};
  auto held = pool.acquire();
  auto waits = world.rt().spawn([&] { return pool.acquire().error(); });
  world.advance(1ms);
  EXPECT_TRUE(waits.request_stop());
  EXPECT_EQ(waits.join(), errc::canceled);
  held->reset();
  auto stopped = world.rt().spawn([&] { return pool.acquire().has_value(); });
  (void)stopped.request_stop();
  EXPECT_TRUE(stopped.join()) << "a stopped fiber still gets what is there";
}

TEST(BlockPool, serves_who_came_first_and_nobody_gets_past) {
  sim world{1};
  block_pool pool{1024, at_most(1)};
  auto held = pool.acquire();
  std::string order;
  std::array<pooled_block, 4> theirs;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    const auto takes = [&, name] {
      theirs[static_cast<std::size_t>(name - 'a')] = *pool.acquire();
      order += name;
    };
    if (name % 2 == 0) world.spawn(takes);
    else world.thread(takes);
    world.advance(1ms);
  }
  held->reset();
  for (pooled_block& block : theirs) {
    EXPECT_FALSE(pool.try_acquire());
    world.advance(1ms);
    block.reset();
  }
  world.advance(1ms);
  EXPECT_EQ(order, "abcd");
}

// With a queue that gave out what there is, one by one, both would hold two, for ever.
TEST(BlockPool, those_who_want_many_get_all_at_once) {
  sim world{1};
  block_pool pool{1024, at_most(4)};
  std::array<pooled_block, 4> held;
  ASSERT_TRUE(pool.acquire_batch(held));
  int done = 0;
  for (int i = 0; i < 2; ++i)
    world.spawn([&] {
      std::array<pooled_block, 3> mine;
      EXPECT_TRUE(pool.acquire_batch(mine));
      for (const pooled_block& block : mine) EXPECT_TRUE(block);
      ++done;
    });
  world.advance(1ms);
  held[0].reset();
  held[1].reset();
  EXPECT_EQ(world.parked(), 2u);
  EXPECT_FALSE(pool.try_acquire()) << "past who waits for three";
  held[2].reset();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(done, 2);
}

TEST(BlockPool, who_gives_up_lets_the_next_have_what_was_too_little) {
  sim world{1};
  block_pool pool{1024, at_most(2)};
  const auto held = pool.acquire();
  std::array<pooled_block, 2> both;
  bool one = false;
  world.spawn([&] { EXPECT_FALSE(pool.acquire_batch(both, world.in(1ms))); });
  world.advance(0ms);
  world.spawn([&] { one = pool.acquire().has_value(); });
  EXPECT_EQ(world.parked(), 2u);
  world.advance(2ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_TRUE(one);
}

TEST(BlockPool, is_in_the_list_of_pools_while_it_lives) {
  sim world{1};
  const auto found = [] {
    int n = 0;
    for_each_pool([&](std::string_view name, const pool_stats& stats) {
      if (name == "listed") n += 1 + static_cast<int>(stats.in_use);
    });
    return n;
  };
  EXPECT_EQ(found(), 0);
  {
    block_pool pool{64, {.name = "listed"}};
    const auto held = pool.acquire();
    EXPECT_EQ(found(), 2);
  }
  EXPECT_EQ(found(), 0);
}

TEST(BlockPoolDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(block_pool(100), "no such size");
  EXPECT_DEATH(block_pool(5 * 4096), "no such size");
  EXPECT_DEATH(block_pool(2 << 20), "no such size");
  EXPECT_DEATH(block_pool(64, at_most(0)), "a pool of nothing");
  EXPECT_DEATH(
      {
        pooled_block left;
        block_pool pool(64, at_most(1));
        left = *pool.try_acquire();
      },
      "were not given back before its end");
  EXPECT_DEATH(
      {
        block_pool pool(64, at_most(1));
        std::vector<pooled_block> two(2);
        (void)pool.acquire_batch(two);
      },
      "more at once than the pool ever has");
  EXPECT_DEATH(
      {
        sim world{1};
        auto pool = std::make_unique<block_pool>(64, at_most(1));
        auto held = pool->try_acquire();
        world.spawn([&] { (void)pool->acquire(); });
        world.advance(1ms);
        (void)held->data();
        pool.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// Fibers and threads come and go in every way. Who has a block writes into it who he is, and finds that.
// In a part of the worlds the pool is larger, so that it moves blocks in batches, but most of it is held.
class model {
 public:
  explicit model(sim& world)
      : world_{world},
        limit_{world.random(4) == 0 ? 34 : 2 + world.random(2)},
        checked_{world.random(8) == 0},
        pool_{64, {.limit = limit_, .checked = checked_}},
        due_{world.in(1ms)},
        held_(limit_ == 34 ? 32 : 0) {
    world_.check(pool_.acquire_batch(held_).has_value(), "a new pool is empty");
    count(held_.size());
  }

  void visit(std::uint64_t who) {
    switch (world_.random(5)) {
      case 0: hold(pool_.acquire(), who); break;
      case 1: hold(pool_.try_acquire(), who); break;
      case 2: {
        std::array<pooled_block, 2> two;
        const result<void> r = pool_.acquire_batch(two, world_.random(2) == 0 ? due_ : deadline::never());
        if (!r) return expect(r.error() == errc::deadline_exceeded);
        const std::uint64_t other = who + 100;
        count(2);
        mark(two[0], who);
        mark(two[1], other);
        world_.interleave();
        check(two[0], who);
        check(two[1], other);
        uncount(2);
        break;
      }
      case 3: hold(pool_.acquire(due_), who); break;
      default: hold(pool_.acquire(deadline::past()), who);
    }
  }

  void cancellable(std::uint64_t who) {
    auto r = pool_.acquire();
    expect(r || r.error() == errc::canceled);
    if (r) hold(std::move(r), who);
  }

  void trim() { pool_.trim(deadline::past()); }

  void let_go() {
    uncount(held_.size());
    held_.clear();
  }

  void expect_all_are_back() {
    let_go();
    const pool_stats before = pool_.stats();
    world_.check(before.in_use == 0, "a block was lost");
    world_.check(before.hits + before.misses == taken_, "a take was not counted");
    std::vector<pooled_block> all(limit_);
    for (pooled_block& block : all) {
      auto r = pool_.try_acquire();
      world_.check(r.has_value(), "a block was lost");
      block = std::move(*r);
    }
    world_.check(!pool_.try_acquire(), "a block was made of nothing");
    for (std::size_t i = 0; i < limit_; ++i)
      for (std::size_t j = 0; j < i; ++j)
        world_.check(all[i].data() != all[j].data(), "a block is there twice");
    all.clear();
    const std::uint64_t hits = pool_.stats().hits;
    for (int i = 0; i < 2; ++i) (void)pool_.try_acquire();
    world_.check(checked_ || pool_.stats().hits > hits, "it is still closed");
  }

 private:
  void expect(bool holds) { world_.check(holds, "the wrong error"); }

  void hold(result<pooled_block> r, std::uint64_t who) {
    if (!r) return;
    count(1);
    mark(*r, who);
    world_.interleave();
    check(*r, who);
    uncount(1);
    r->reset();
  }

  void count(std::size_t n) {
    taken_ += n;
    world_.check((inside_ += n) <= limit_, "more blocks are in use than there are");
  }
  void uncount(std::size_t n) { inside_ -= n; }
  static void mark(pooled_block& block, std::uint64_t who) { std::memcpy(block.data(), &who, sizeof who); }
  void check(const pooled_block& block, std::uint64_t who) {
    world_.check(std::memcmp(block.data(), &who, sizeof who) == 0, "two have the same block");
  }

  sim& world_;
  std::size_t limit_;
  bool checked_;
  block_pool pool_;
  deadline due_;
  std::vector<pooled_block> held_;
  std::size_t inside_ = 0;
  std::size_t taken_ = 0;
};

void visit_in_every_way(sim& world) {
  model m{world};
  const auto visits = [&](std::uint64_t who) {
    return [&, who] {
      for (int i = 0; i < 3; ++i) m.visit(who);
    };
  };
  world.spawn(visits(1));
  world.spawn(visits(2));
  world.thread(visits(3));
  world.thread(visits(4));
  world.spawn([&] {  // so that the deadlines of the others come
    sleep_until(world.in(1ms));
    m.visit(5);
  });
  auto stopped = world.rt().spawn([&] { m.cancellable(6); });
  world.thread([&] {
    if (world.random(2) == 0) m.trim();
    if (world.random(2) == 0) m.let_go();
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  m.expect_all_are_back();
}

TEST(BlockPool, no_block_is_lost_made_or_given_to_two_and_every_wait_ends) {
  explore(seeds, visit_in_every_way, {.workers = 2});
}

// Whoever gets the last block destroys the pool, whatever the giver still has to do.
void give_and_destroy(sim& world) {
  auto pool = std::make_unique<block_pool>(64, at_most(1));
  auto held = pool->acquire();
  int data = 0;
  const auto takes = [&] {
    {
      const auto mine = pool->acquire();
      world.check(mine.has_value() && data == 1, "does not see what was written before the block came back");
    }
    destroy_and_spoil(std::move(pool));
  };
  const auto gives = [&] {
    data = 1;
    held->reset();
  };
  if (world.random(2) == 0) world.spawn(takes);
  else world.thread(takes);
  world.advance(0ms);  // it waits
  if (world.random(2) == 0) world.spawn(gives);
  else world.thread(gives);
  world.run();
}

TEST(BlockPool, may_be_destroyed_by_who_got_the_block_that_he_waited_for) {
  explore(seeds, give_and_destroy, {.workers = 2});
}

TEST(BlockPool, every_operation_is_needed) {
  const auto race = [](sim& world) {
    if (world.random(4) == 0) give_and_destroy(world);
    else visit_in_every_way(world);
  };
  using enum mutation::change;
  expect_mutations_found("pools/block_cache.hpp", seeds, race, {}, {.workers = 2});
  expect_mutations_found("pools/block_store.cpp", seeds, race,
                         {{"delete cache.load", drop, "a leak, which AddressSanitizer finds"},
                          {"closed_.store(false, std::memory_order_release);  // as it was", drop,
                           "then it opens when the next block comes back"}},
                         {.workers = 2});
}

}  // namespace
}  // namespace weft

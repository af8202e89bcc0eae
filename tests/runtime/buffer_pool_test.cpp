// buffer_pool in simulated worlds: what is a buffer here is a buffer elsewhere, goes back from wherever it
// ends, and is bounded. What the pools of blocks under it do in every interleaving, block_pool_test shows.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/pools/bytes.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/buffer_pool.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::kib;

constexpr std::uint64_t seeds = 10'000;

static_assert(!std::is_move_constructible_v<buffer_pool>);
static_assert(buffer_pool::size_for(0) == 0 && buffer_pool::size_for(4 * kib) == 0);
static_assert(buffer_pool::size_for(4 * kib + 1) == 1 && buffer_pool::size_for(1024 * kib) == 3);
static_assert(buffer_pool::size_for(1024 * kib + 1) == buffer_pool::sizes);

/// Only the smallest size.
buffer_pool_options at_most(std::size_t limit, exhaustion exhausted = exhaustion::wait) {
  return {.kib4 = {.limit = limit, .exhausted = exhausted, .checked = false}};
}

buffer_pool_options checked() { return {.kib4 = {.checked = true}}; }

std::size_t handles_in_use() {
  std::size_t n = 0;
  for_each_pool([&](std::string_view name, const pool_stats& stats) {
    if (name == "handles of buffers") n += stats.in_use;
  });
  return n;
}

TEST(BufferPool, a_buffer_begins_on_a_page_and_is_its_size_whole) {
  sim world{1};
  buffer_pool pool;
  std::vector<buffer> all;
  for (const std::size_t bytes : {1uz, 4096uz, 4097uz, 16384uz, 50'000uz, 65'536uz, 65'537uz, 1048576uz}) {
    all.push_back(*pool.acquire(bytes));
    const buffer& b = all.back();
    EXPECT_EQ(b.size(), bytes);
    EXPECT_EQ(b.capacity(), buffer_pool::buffer_bytes[buffer_pool::size_for(bytes)]);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % 4096, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % b.capacity(), 0u) << "of its size, even";
    std::memset(all.back().data(), static_cast<int>(all.size()), b.capacity());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].resize(all[i].capacity());
    for (const std::byte b : all[i]) ASSERT_EQ(b, static_cast<std::byte>(i + 1));
  }
  EXPECT_EQ(pool.stats(1).in_use, 2u);
  EXPECT_EQ(pool.stats(65'536).in_use, 2u);
  EXPECT_EQ(handles_in_use(), all.size());
  all.clear();
  for (const std::size_t bytes : buffer_pool::buffer_bytes) EXPECT_EQ(pool.stats(bytes).in_use, 0u);
  EXPECT_EQ(handles_in_use(), 0u);
}

TEST(BufferPool, the_memory_goes_back_when_the_last_slice_goes) {
  sim world{1};
  buffer_pool pool{at_most(1)};
  buffer b = *pool.acquire(11);
  std::memcpy(b.data(), "hello world", 11);
  const std::byte* const at = b.data();
  bytes whole{std::move(b)};
  bytes part = whole.slice(6, 5);
  EXPECT_EQ(whole.data(), at) << "no copy";
  whole = {};
  EXPECT_EQ(pool.stats(1).in_use, 1u);
  EXPECT_EQ(part.text(), "world");
  EXPECT_FALSE(pool.try_acquire(1));
  part = {};
  EXPECT_EQ(pool.stats(1).in_use, 0u);
  EXPECT_TRUE(pool.try_acquire(1));
}

TEST(BufferPool, waits_at_the_limit_until_the_deadline_or_a_stop) {
  sim world{1};
  buffer_pool pool{at_most(1)};
  const auto held = pool.acquire(1);
  std::error_code timed_out;
  world.spawn([&] { timed_out = pool.acquire(1, world.in(5ms)).error(); });
  auto stopped = world.rt().spawn([&] { return pool.acquire(4096).error(); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 1u);
  (void)stopped.request_stop();
  EXPECT_EQ(stopped.join(), errc::canceled);
  world.advance(1ms);
  EXPECT_EQ(timed_out, errc::deadline_exceeded);
  EXPECT_TRUE(pool.try_acquire(5000)) << "another size has its own limit";
}

TEST(BufferPool, refuses_where_that_was_chosen_and_what_is_too_large) {
  sim world{1};
  buffer_pool pool{at_most(1, exhaustion::refuse)};
  const auto held = pool.acquire(1);
  EXPECT_EQ(pool.acquire(1).error(), errc::limit);
  EXPECT_EQ(pool.try_acquire(1).error(), errc::limit);
  EXPECT_EQ(pool.acquire(1024 * kib + 1).error(), errc::limit);
  EXPECT_EQ(pool.try_acquire(1024 * kib + 1).error(), errc::limit);
  EXPECT_EQ(pool.pin(1024 * kib + 1).error(), errc::limit);
  EXPECT_EQ(pool.pin(1).error(), errc::limit) << "one is in use";
  EXPECT_EQ(pool.stats(1).refused, 3u);
}

TEST(BufferPoolDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(
      {
        buffer left;
        buffer_pool pool;
        left = *pool.try_acquire(1);
      },
      "were not given back before its end");
  EXPECT_DEATH(
      {
        buffer_pool pool;
        (void)pool.stats(2'000'000);
      },
      "no buffers of that size");
  EXPECT_DEATH((void)buffer_pool(at_most(SIZE_MAX)).pin(1), "without a limit");
  EXPECT_DEATH(
      {
        buffer_pool pool{checked()};
        std::byte* const after = pool.try_acquire(1)->data();
        *after = std::byte{1};
        (void)pool.try_acquire(1);
      },
      "written to after it was given back|use-after-poison");
}

// Buffers are taken in every way, become slices, and end on other threads than they began.
void take_and_share(sim& world) {
  buffer_pool pool{at_most(1 + world.random(2))};
  const deadline due = world.in(1ms);
  const auto use = [&](std::byte who, deadline until) {
    auto mine = pool.acquire(100, until);
    if (!mine)
      return world.check(mine.error() == errc::deadline_exceeded || mine.error() == errc::canceled, "which?");
    (*mine)[99] = who;
    world.interleave();
    bytes shared{std::move(*mine)};
    const bytes part = shared.slice(99, 1);
    shared = {};
    world.interleave();
    world.check(part[0] == who, "two have the same buffer");
  };
  for (unsigned i = 1; i < 5; ++i) {
    const auto body = [&, i] {
      use(static_cast<std::byte>(i), {});
      use(static_cast<std::byte>(i), world.random(2) == 0 ? due : deadline::past());
    };
    if (i % 2 == 0) world.spawn(body);
    else world.thread(body);
  }
  auto stopped = world.rt().spawn([&] { use(std::byte{9}, {}); });
  world.thread([&] {
    if (world.random(2) == 0) {
      const auto pinned = pool.pin(1, due);  // where the process may not lock pages, the system says so
      world.check(pinned || due.expired() || pinned.error().category() == std::system_category(),
                  "not pinned");
    }
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  world.check(pool.stats(1).in_use == 0 && handles_in_use() == 0, "a buffer was lost");
}

TEST(BufferPool, no_buffer_is_lost_or_given_to_two) { explore(seeds / 4, take_and_share, {.workers = 2}); }

// Whoever gets the last buffer destroys the pool, whatever the giver still has to do.
void give_and_destroy(sim& world) {
  auto pool = std::make_unique<buffer_pool>(at_most(1));
  auto held = pool->acquire(1);
  const auto takes = [&] {
    {
      const auto mine = pool->acquire(1);
      world.check(mine.has_value(), "not served");
    }
    destroy_and_spoil(std::move(pool));
  };
  if (world.random(2) == 0) world.spawn(takes);
  else world.thread(takes);
  world.advance(0ms);  // it waits
  const auto gives = [&] { *held = buffer{}; };
  if (world.random(2) == 0) world.spawn(gives);
  else world.thread(gives);
  world.run();
}

TEST(BufferPool, may_be_destroyed_by_who_got_the_buffer_that_he_waited_for) {
  explore(seeds / 10, give_and_destroy, {.workers = 2});
}

}  // namespace
}  // namespace weft

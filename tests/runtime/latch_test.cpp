// latch in simulated worlds: what std promises of it, every wait against every end of it, and its own end.
#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// --- what std promises

static_assert(!std::is_copy_constructible_v<latch> && !std::is_copy_assignable_v<latch>);
static_assert(!std::is_convertible_v<std::ptrdiff_t, latch>, "the constructor is explicit");
static_assert(latch::max() >= 1'000'000);
static_assert(noexcept(std::declval<const latch&>().try_wait()));
static_assert(std::is_void_v<decltype(std::declval<const latch&>().wait())>, "wait() is const");

TEST(LatchConformance, counts_down_by_as_many_as_it_is_told) {
  sim world{1};
  latch l{5};
  EXPECT_FALSE(l.try_wait());
  l.count_down(3);
  l.count_down();
  l.count_down(0);
  EXPECT_FALSE(l.try_wait());
  l.count_down();
  EXPECT_TRUE(l.try_wait());
  l.wait();
}

TEST(LatchConformance, of_zero_is_open) {
  sim world{1};
  latch l{0};
  EXPECT_TRUE(l.try_wait());
  l.wait();
}

TEST(LatchConformance, wait_returns_at_zero_and_not_before) {
  sim world{1};
  latch l{2};
  int through = 0;
  for (int i = 0; i < 3; ++i) {
    world.spawn([&] { l.wait(), ++through; });
    world.thread([&] { l.wait(), ++through; });
  }
  l.count_down();
  EXPECT_EQ(world.parked(), 6u);
  l.count_down();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(through, 6);
}

TEST(LatchConformance, arrive_and_wait_counts_down_and_waits) {
  sim world{1};
  latch l{4};
  int through = 0;
  world.spawn([&] { l.arrive_and_wait(), ++through; });
  world.thread([&] { l.arrive_and_wait(2), ++through; });
  EXPECT_EQ(world.parked(), 2u);
  l.arrive_and_wait();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(through, 2);
}

TEST(LatchConformanceDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(latch{-1}, "negative");
  EXPECT_DEATH(latch{latch::max() + 1}, "more than its maximum");
  EXPECT_DEATH(latch{1}.count_down(2), "below zero");
  EXPECT_DEATH(latch{0}.count_down(), "below zero");
  EXPECT_DEATH(latch{2}.count_down(-1), "negative");
}

// --- what is weft's own

TEST(Latch, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  latch l{3};
  result<void> on_fiber, on_thread;
  world.spawn([&] { on_fiber = l.wait(world.in(5ms)); });
  world.thread([&] { on_thread = l.arrive_and_wait(1, world.in(5ms)); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  l.count_down(2);
  EXPECT_TRUE(l.wait(deadline::past()));
}

TEST(Latch, a_stop_ends_the_cancellable_wait_only) {
  sim world{1};
  latch l{1};
  auto cancellable = world.rt().spawn([&] { return l.wait(deadline::never()); });
  auto deaf = world.rt().spawn([&] { l.wait(); });
  world.advance(1ms);
  EXPECT_TRUE(cancellable.request_stop());
  EXPECT_TRUE(deaf.request_stop());
  EXPECT_EQ(cancellable.join().error(), errc::canceled);
  world.advance(1ms);
  EXPECT_EQ(deaf.join(deadline::past()).error(), errc::deadline_exceeded);
  l.count_down();
  deaf.join();
}

TEST(LatchDeathTest, must_not_die_under_who_waits) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto l = std::make_unique<latch>(1);
        world.spawn([&] { l->wait(); });
        world.advance(1ms);
        l.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// The waiter destroys the latch as soon as it has returned; three others count it down.
void count_and_destroy(sim& world) {
  auto l = std::make_unique<latch>(4);
  int done = 0;
  const std::uint64_t how = world.random(3);
  const auto waits = [&, how] {
    if (how == 0) l->wait();
    else if (how == 1) world.check(l->wait(deadline::never()).has_value(), "wait() failed");
    else
      while (!l->try_wait()) detail::spin_pause();
    world.check(done == 4, "not all have arrived");
    destroy_and_spoil(std::move(l));
  };
  const auto counts = [&, at = l.get()](int n) {
    done += n;
    at->count_down(n);
  };
  if (how != 2 && world.random(2) == 0) world.spawn(waits, "waiter");
  else world.thread(waits, "waiter");
  world.spawn([&] { counts(1); });
  world.thread([&] { counts(1); });
  world.thread([&] { counts(2); });
  world.run();
}

TEST(Latch, may_be_destroyed_when_wait_returns) { explore(seeds, count_and_destroy, {.workers = 2}); }

void wait_in_every_way(sim& world) {
  latch l{4};
  const deadline due = world.in(1ms);
  int arrived = 0, ended = 0;
  const auto count = [&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    ++arrived;
    l.count_down();
  };
  const auto meets = [&] {
    ++arrived;
    l.arrive_and_wait();
    world.check(arrived == 4, "not all have arrived");
    ++ended;
  };
  const auto timed = [&] {
    const result<void> r = l.wait(world.random(2) == 0 ? due : deadline::past());
    world.check(r ? arrived == 4 : r.error() == errc::deadline_exceeded, "the wrong outcome");
    ++ended;
  };
  auto stopped = world.rt().spawn([&] {
    const result<void> r = l.wait(deadline::never());
    world.check(r ? arrived == 4 : r.error() == errc::canceled, "the wrong outcome");
    ++ended;
  });
  world.spawn(meets);
  world.thread(meets);
  world.spawn(timed);
  world.thread(timed);
  world.spawn(count);
  world.thread(count);
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  world.check(ended == 5, "not every wait has ended");
}

TEST(Latch, every_wait_ends_once_and_none_is_lost) { explore(seeds, wait_in_every_way, {.workers = 2}); }

TEST(Latch, every_operation_is_needed) {
  const auto race = [](sim& world) {
    if (world.random(2) == 0) count_and_destroy(world);
    else wait_in_every_way(world);
  };
  expect_lock_mutations_found(seeds, race);
}

}  // namespace
}  // namespace weft

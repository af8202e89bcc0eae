// wait_group in simulated worlds: counting, waiting, and its end.
#include <chrono>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

TEST(WaitGroup, without_work_nobody_waits) {
  sim world{1};
  wait_group group;
  EXPECT_TRUE(group.wait());
  EXPECT_TRUE(group.wait(deadline::past()));
}

TEST(WaitGroup, waits_for_the_last_done) {
  sim world{1};
  wait_group group;
  bool through = false;
  group.add(3);
  world.spawn([&] { through = group.wait().has_value(); });
  group.done();
  group.done();
  EXPECT_EQ(world.parked(), 1u);
  group.done();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_TRUE(through);
}

TEST(WaitGroup, can_be_used_again) {
  sim world{1};
  wait_group group;
  for (int i = 0; i < 3; ++i) {
    group.add();
    world.spawn([&] { EXPECT_TRUE(group.wait()); });
    EXPECT_EQ(world.parked(), 1u);
    group.done();
    EXPECT_EQ(world.parked(), 0u);
  }
}

TEST(WaitGroup, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  wait_group group;
  group.add();
  result<void> on_fiber, on_thread;
  world.spawn([&] { on_fiber = group.wait(world.in(5ms)); });
  world.thread([&] { on_thread = group.wait(world.in(5ms)); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  group.done();
}

TEST(WaitGroup, a_stop_ends_the_wait) {
  sim world{1};
  wait_group group;
  group.add();
  auto waiter = world.rt().spawn([&] { return group.wait(); });
  world.advance(1ms);
  EXPECT_TRUE(waiter.request_stop());
  EXPECT_EQ(waiter.join().error(), errc::canceled);
  group.done();
}

TEST(WaitGroupDeathTest, more_done_than_added_is_an_assertion) {
  wait_group group;
  EXPECT_DEATH(group.done(), "more done\\(\\) than was added");
}

TEST(WaitGroupDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto group = std::make_unique<wait_group>();
        group->add();
        world.spawn([&] { (void)group->wait(); });
        (void)world.parked();
        group.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// Two waiters, of which the last to return destroys the group, and three who do the work.
void work_and_destroy(sim& world) {
  auto group = std::make_unique<wait_group>();
  int done = 0;
  group->add(2);
  const auto waits = [&] {
    world.check(group->wait().has_value(), "wait() failed");
    world.check(done == 3, "work is left");
    destroy_and_spoil(std::move(group));
  };
  const auto works = [&, g = group.get()] {
    ++done;
    g->done();
  };
  const auto adds_and_works = [&, g = group.get()] {
    g->add();
    g->done();
    ++done;
    ++done;
    g->done();
  };
  if (world.random(2) == 0) world.spawn(waits, "waiter");
  else world.thread(waits, "waiter");
  world.spawn(works, "worker");
  world.thread(adds_and_works, "worker");
  world.run();
}

TEST(WaitGroup, may_be_destroyed_when_wait_returns) { explore(seeds, work_and_destroy, {.workers = 2}); }

void give_up_or_not(sim& world) {
  wait_group group;
  const deadline until = world.in(1ms);
  int ended = 0, done = 0;
  group.add(2);
  const auto waits = [&] {
    const result<void> r = group.wait(world.random(2) == 0 ? until : deadline::never());
    world.check(r ? done == 2 : r.error() == errc::deadline_exceeded && until.expired(), "the wrong outcome");
    ++ended;
  };
  const auto works = [&] {
    wait_group never;
    never.add();
    if (world.random(2) == 0) (void)never.wait(until);
    never.done();
    ++done;
    group.done();
  };
  const auto stopped = [&] {
    const result<void> r = group.wait();
    world.check(r ? done == 2 : r.error() == errc::canceled, "the wrong outcome");
    ++ended;
  };
  world.spawn(waits);
  world.thread(waits);
  world.spawn(works);
  world.thread(works);
  auto task = world.rt().spawn(stopped);
  world.thread([&] {
    wait_group never;
    never.add();
    if (world.random(2) == 0) (void)never.wait(until);
    (void)task.request_stop();
    never.done();
    task.join();
  });
  world.run();
  world.check(ended == 3, "not every wait has ended");
}

TEST(WaitGroup, every_wait_ends_once_and_none_is_lost) { explore(seeds, give_up_or_not, {.workers = 2}); }

TEST(WaitGroup, every_operation_is_needed) {
  const auto race = [](sim& world) {
    if (world.random(2) == 0) work_and_destroy(world);
    else give_up_or_not(world);
  };
  expect_lock_mutations_found(seeds, race);
}

}  // namespace
}  // namespace weft

// event in simulated worlds: fibers and foreign threads mixed, set() against timeouts, stops, and the end of
// the event.
#include <chrono>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// --- one world

// A waiter whose deadline passes leaves no trace: set() must not touch its dead stack frame.
TEST(Event, timed_out_waiter_is_unlinked) {
  sim world{/*seed=*/1};
  event ready;
  result<void> got;
  world.spawn([&] { got = ready.wait(world.in(5ms)); });
  world.advance(4ms);
  ASSERT_EQ(world.parked(), 1u);  // not early
  world.advance(1ms);
  ASSERT_EQ(world.parked(), 0u);  // not never
  EXPECT_EQ(got.error(), errc::deadline_exceeded);
  ready.set();
}

TEST(Event, timed_out_thread_is_unlinked) {
  sim world{1};
  event ready;
  result<void> got;
  world.thread([&] { got = ready.wait(world.in(5ms)); });
  world.advance(4ms);
  ASSERT_EQ(world.parked(), 1u);
  world.advance(1ms);
  ASSERT_EQ(world.parked(), 0u);
  EXPECT_EQ(got.error(), errc::deadline_exceeded);
  ready.set();
}

TEST(Event, set_before_wait_needs_no_wait) {
  sim world{1};
  event ready;
  ready.set();
  EXPECT_TRUE(ready.is_set());
  EXPECT_TRUE(ready.wait());
  EXPECT_TRUE(ready.wait(deadline::past()));
}

TEST(Event, a_deadline_that_has_passed_tries_once) {
  sim world{1};
  event ready;
  result<void> on_fiber, on_thread;
  world.spawn([&] { on_fiber = ready.wait(0ns); });
  world.thread([&] { on_thread = ready.wait(-1s); });
  world.run();
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
}

TEST(Event, set_wakes_all_fibers_and_threads) {
  sim world{1};
  event ready;
  int through = 0;
  for (int i = 0; i < 10; ++i) world.spawn([&] { through += ready.wait().has_value(); });
  for (int i = 0; i < 10; ++i) world.thread([&] { through += ready.wait().has_value(); });
  ASSERT_EQ(world.parked(), 20u);
  ready.set();
  world.run();
  EXPECT_EQ(through, 20);
}

TEST(Event, closes_again_on_reset) {
  sim world{1};
  event ready;
  ready.set();
  ready.reset();
  EXPECT_FALSE(ready.is_set());
  world.spawn([&] { EXPECT_TRUE(ready.wait()); });
  EXPECT_EQ(world.parked(), 1u);
  ready.set();
  EXPECT_EQ(world.parked(), 0u);
}

TEST(Event, a_stop_ends_the_wait_and_stays) {
  sim world{1};
  event ready;
  result<void> first, second;
  auto waiter = world.rt().spawn([&] {
    first = ready.wait();
    second = ready.wait();
  });
  world.advance(1ms);
  EXPECT_TRUE(waiter.request_stop());
  waiter.join();
  EXPECT_EQ(first.error(), errc::canceled);
  EXPECT_EQ(second.error(), errc::canceled);
}

TEST(Event, a_set_event_is_no_cancellation_point) {
  sim world{1};
  event ready;
  ready.set();
  auto waiter = world.rt().spawn([&] { return ready.wait(); });
  (void)waiter.request_stop();
  EXPECT_TRUE(waiter.join());
}

TEST(EventDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto ready = std::make_unique<event>();
        world.spawn([&] { (void)ready->wait(); });
        (void)world.parked();
        ready.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// The event dies as soon as the waiter has returned; `what` follows the setter's word.
void set_and_destroy(sim& world) {
  auto ready = std::make_unique<event>();
  int data = 0;
  const bool fiber_waits = world.random(2) == 0;
  const auto waits = [&] {
    world.check(ready->wait().has_value(), "wait() failed");
    world.check(data == 1, "does not see what was written before set()");
    // The memory of a destroyed event says nothing that an event would understand.
    destroy_and_spoil(std::move(ready));
  };
  const auto sets = [&, e = ready.get()] {
    data = 1;
    e->set();
  };
  if (fiber_waits) world.spawn(waits, "waiter");
  else world.thread(waits, "waiter");
  if (world.random(2) == 0) world.spawn(sets, "setter");
  else world.thread(sets, "setter");
  world.run();
}

TEST(Event, may_be_destroyed_when_wait_returns) { explore(seeds, set_and_destroy, {.workers = 2}); }

// Fibers on two workers and foreign threads wait, some with deadlines that end when set() comes; one is
// stopped then.
void wait_in_every_way(sim& world) {
  event ready;
  constexpr auto due = 1ms;
  const deadline until = world.in(due);
  int succeeded = 0, failed = 0;
  const auto forever = [&] {
    world.check(ready.wait().has_value(), "a wait without deadline failed");
    ++succeeded;
  };
  const auto timed = [&] {
    const result<void> r = ready.wait(until);
    world.check(r.has_value() || r.error() == errc::deadline_exceeded, "the wrong error");
    world.check(r.has_value() ||
                    std::chrono::steady_clock::time_point{std::chrono::nanoseconds{until.at}} <= world.now(),
                "too early");
    ++(r ? succeeded : failed);
  };
  const auto stopped = [&] {
    const result<void> r = ready.wait();
    world.check(r.has_value() || r.error() == errc::canceled, "the wrong error");
    ++(r ? succeeded : failed);
  };
  const auto sets = [&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(until);
    ready.set();
    world.check(ready.is_set(), "set() did not set");
  };
  world.spawn(forever);
  world.spawn(timed);
  world.thread(forever);
  world.thread(timed);
  auto task = world.rt().spawn(stopped);
  if (world.random(2) == 0) world.spawn(sets, "setter");
  else world.thread(sets, "setter");
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(until);
    (void)task.request_stop();
    task.join();
  });
  world.run();
  world.check(succeeded + failed == 5, "not every wait has ended");
}

TEST(Event, every_wait_ends_once_and_none_is_lost) { explore(seeds, wait_in_every_way, {.workers = 2}); }

TEST(Event, resets_lose_nobody_who_was_woken) {
  explore(seeds, [](sim& world) {
    event ready;
    int through = 0;
    const auto waits = [&] {
      world.check(ready.wait().has_value(), "wait() failed");
      ++through;
    };
    world.spawn(waits);
    world.thread(waits);
    world.advance(1us);
    world.thread([&] {
      ready.set();
      ready.reset();
    });
    world.run();
    EXPECT_EQ(through, 2);
  });
}

// The word that an event is made of: one of three threads holds it at a time, and finds what the last one
// left.
void take_turns(sim& world) {
  detail::locked_word word;
  std::uint32_t turns = 0;
  bool held = false;
  const auto takes_it_twice = [&] {
    for (int i = 0; i < 2; ++i) {
      const std::uint32_t value = word.lock();
      world.check(!std::exchange(held, true), "two hold it");
      world.check(value == turns, "an update was lost");
      (void)word.peek();  // a step while it is held
      held = false;
      word.unlock(++turns);
    }
  };
  for (int i = 0; i < 3; ++i) world.thread(takes_it_twice);
  world.run();
  world.check(word.peek() == 6u, "a turn was lost");
}

TEST(LockedWord, is_held_by_one) { explore(seeds, take_turns); }

TEST(Event, every_operation_is_needed) {
  const auto race = [](sim& world) {
    switch (world.random(3)) {
      case 0: return set_and_destroy(world);
      case 1: return take_turns(world);
      default: return wait_in_every_way(world);
    }
  };
  expect_lock_mutations_found(seeds, race);
}

}  // namespace
}  // namespace weft

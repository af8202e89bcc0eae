// barrier in simulated worlds: what std promises of it, every wait against every end of it, and its own end.
#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/barrier.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// --- what std promises

static_assert(!std::is_copy_constructible_v<barrier<>> && !std::is_copy_assignable_v<barrier<>>);
static_assert(!std::is_convertible_v<std::ptrdiff_t, barrier<>>, "the constructor is explicit");
static_assert(barrier<>::max() >= 1'000'000);
static_assert(std::is_nothrow_move_constructible_v<barrier<>::arrival_token>);
static_assert(std::is_nothrow_move_assignable_v<barrier<>::arrival_token>);
static_assert(!std::is_copy_constructible_v<barrier<>::arrival_token>);

TEST(BarrierConformance, lets_all_go_when_the_last_has_come) {
  sim world{1};
  barrier<> b{3};
  int through = 0;
  world.spawn([&] { b.arrive_and_wait(), ++through; });
  world.thread([&] { b.arrive_and_wait(), ++through; });
  EXPECT_EQ(world.parked(), 2u);
  b.arrive_and_wait();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(through, 2);
}

TEST(BarrierConformance, begins_anew_after_each_phase) {
  sim world{1};
  int completed = 0;
  barrier b{2, [&]() noexcept { ++completed; }};
  for (int phase = 1; phase <= 2000; ++phase) {  // more than there are numbers of phases
    auto first = b.arrive();
    EXPECT_EQ(b.wait(first, deadline::past()).error(), errc::deadline_exceeded);
    auto second = b.arrive();
    EXPECT_EQ(completed, phase);
    b.wait(std::move(first));
    b.wait(std::move(second));
  }
}

TEST(BarrierConformance, arrives_for_many_at_once) {
  sim world{1};
  barrier<> b{5};
  auto four = b.arrive(4);
  world.spawn([&] { b.wait(std::move(four)); });
  EXPECT_EQ(world.parked(), 1u);
  auto one = b.arrive();
  EXPECT_EQ(world.parked(), 0u);
  b.wait(std::move(one));
}

TEST(BarrierConformance, the_completion_runs_once_before_anyone_goes_on) {
  sim world{1};
  int completed = 0, through = 0;
  barrier b{3, [&]() noexcept {
              EXPECT_EQ(through, 0);
              ++completed;
            }};
  for (int i = 0; i < 3; ++i) world.thread([&] { b.arrive_and_wait(), ++through; });
  world.run();
  EXPECT_EQ(completed, 1);
  EXPECT_EQ(through, 3);
}

TEST(BarrierConformance, who_drops_out_is_expected_no_more) {
  sim world{1};
  barrier<> b{2};
  b.arrive_and_drop();
  b.arrive_and_wait();  // ends the first phase
  b.arrive_and_wait();  // and the second alone
}

TEST(BarrierConformance, dropping_out_last_ends_the_phase) {
  sim world{1};
  int completed = 0;
  barrier b{2, [&]() noexcept { ++completed; }};
  world.spawn([&] { b.arrive_and_wait(); });
  EXPECT_EQ(world.parked(), 1u);
  b.arrive_and_drop();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(completed, 1);
}

TEST(BarrierConformance, a_token_can_be_waited_for_in_the_next_phase) {
  sim world{1};
  barrier<> b{1};
  auto token = b.arrive();
  b.wait(std::move(token));
  auto old = b.arrive();
  old = b.arrive();
  b.wait(std::move(old));
}

TEST(BarrierConformanceDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(barrier<>{-1}, "negative");
  EXPECT_DEATH(barrier<>{barrier<>::max() + 1}, "more arrivals at a barrier than its maximum");
  EXPECT_DEATH((void)barrier<>{2}.arrive(3), "more arrivals at a barrier than it expects");
  EXPECT_DEATH((void)barrier<>{2}.arrive(0), "nobody");
  EXPECT_DEATH(barrier<>{0}.arrive_and_drop(), "more arrivals at a barrier than it expects");
  EXPECT_DEATH(
      {
        barrier<> b{1};
        auto token = b.arrive();
        b.wait(std::move(token));
        b.wait(std::move(token));
      },
      "waited for twice");
}

// --- what is weft's own

TEST(Barrier, gives_up_at_the_deadline_and_the_arrival_counts) {
  sim world{1};
  barrier<> b{3};
  result<void> on_fiber, on_thread;
  world.spawn([&] { on_fiber = b.arrive_and_wait(world.in(5ms)); });
  world.thread([&] { on_thread = b.arrive_and_wait(world.in(5ms)); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  EXPECT_TRUE(b.arrive_and_wait(deadline::past())) << "the third ends the phase";
}

TEST(Barrier, a_stop_ends_the_cancellable_wait_only) {
  sim world{1};
  barrier<> b{3};
  auto cancellable = world.rt().spawn([&] { return b.arrive_and_wait(deadline::never()); });
  auto deaf = world.rt().spawn([&] { b.arrive_and_wait(); });
  world.advance(1ms);
  EXPECT_TRUE(cancellable.request_stop());
  EXPECT_TRUE(deaf.request_stop());
  EXPECT_EQ(cancellable.join().error(), errc::canceled);
  world.advance(1ms);
  EXPECT_EQ(deaf.join(deadline::past()).error(), errc::deadline_exceeded);
  b.arrive_and_drop();
  deaf.join();
}

TEST(Barrier, the_completion_may_wait) {
  sim world{1};
  event go_on;
  barrier b{2, [&]() noexcept { (void)go_on.wait(); }};
  world.spawn([&] { b.arrive_and_wait(); });
  world.spawn([&] { b.arrive_and_wait(); });
  EXPECT_EQ(world.parked(), 2u);
  go_on.set();
  EXPECT_EQ(world.parked(), 0u);
}

TEST(BarrierDeathTest, must_not_die_under_who_waits) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto b = std::make_unique<barrier<>>(2);
        world.spawn([&] { b->arrive_and_wait(); });
        world.advance(1ms);
        b.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// Three go through four phases; one more gives up after each, and drops out in the third. Whoever is inside
// a phase must find all others in it too.
void meet_again_and_again(sim& world) {
  constexpr int phases = 4, drops_in = 2;
  int arrived = 0, completed = 0, through = 0;
  const auto complete = [&]() noexcept {
    world.check(arrived == (completed <= drops_in ? 4 : 3), "the completion ran too early, or too late");
    world.interleave();
    arrived = 0;
    ++completed;
  };
  barrier b{4, complete};
  const auto meets = [&] {
    for (int phase = 0; phase < phases; ++phase) {
      ++arrived;
      switch (world.random(3)) {
        case 0: b.arrive_and_wait(); break;
        case 1: world.check(b.arrive_and_wait(deadline::never()).has_value(), "failed"); break;
        default: {
          auto token = b.arrive();
          const result<void> r = b.wait(token, deadline::past());
          world.check(r ? completed > phase : r.error() == errc::deadline_exceeded, "the wrong outcome");
          b.wait(std::move(token));
        }
      }
      world.check(completed == phase + 1, "went on before the phase was over");
    }
    ++through;
  };
  const auto drops = [&] {
    for (int phase = 0; phase < drops_in; ++phase) {
      ++arrived;
      b.arrive_and_wait();
      world.check(completed == phase + 1, "went on before the phase was over");
    }
    ++arrived;
    b.arrive_and_drop();
  };
  world.spawn(meets);
  world.spawn(meets);
  world.thread(meets);
  if (world.random(2) == 0) world.spawn(drops, "drops");
  else world.thread(drops, "drops");
  world.run();
  world.check(completed == phases && through == 3, "a phase is missing");
}

TEST(Barrier, every_phase_ends_once_and_for_all) { explore(seeds, meet_again_and_again, {.workers = 2}); }

// One waits with a deadline and one until it is stopped, while the last arrival comes at the same time.
void end_in_every_way(sim& world) {
  barrier<> b{4};
  const deadline due = world.in(1ms);
  int arrived = 0, ended = 0;
  const auto timed = [&] {
    ++arrived;
    const result<void> r = b.arrive_and_wait(due);
    world.check(r ? arrived == 4 : r.error() == errc::deadline_exceeded && due.expired(),
                "the wrong outcome");
    ++ended;
  };
  const auto last = [&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    ++arrived;
    if (world.random(2) == 0) b.arrive_and_drop();
    else b.arrive_and_wait();
  };
  auto stopped = world.rt().spawn([&] {
    ++arrived;
    const result<void> r = b.arrive_and_wait(deadline::never());
    world.check(r ? arrived == 4 : r.error() == errc::canceled, "the wrong outcome");
    ++ended;
  });
  world.spawn(timed);
  world.thread(timed);
  if (world.random(2) == 0) world.spawn(last, "last");
  else world.thread(last, "last");
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  world.check(ended == 3, "not every wait has ended");
}

TEST(Barrier, every_wait_ends_once_and_none_is_lost) { explore(seeds, end_in_every_way, {.workers = 2}); }

// The waiter destroys the barrier as soon as it has returned.
void arrive_and_destroy(sim& world) {
  auto b = std::make_unique<barrier<>>(3);
  int arrived = 0;
  const auto waits = [&] {
    ++arrived;
    b->arrive_and_wait();
    world.check(arrived == 3, "not all have arrived");
    destroy_and_spoil(std::move(b));
  };
  const auto arrives = [&, at = b.get()] {
    ++arrived;
    if (world.random(2) == 0) (void)at->arrive();
    else at->arrive_and_drop();
  };
  if (world.random(2) == 0) world.spawn(waits, "waiter");
  else world.thread(waits, "waiter");
  world.spawn(arrives);
  world.thread(arrives);
  world.run();
}

TEST(Barrier, may_be_destroyed_when_wait_returns) { explore(seeds, arrive_and_destroy, {.workers = 2}); }

TEST(Barrier, every_operation_is_needed) {
  const auto race = [](sim& world) {
    switch (world.random(3)) {
      case 0: return meet_again_and_again(world);
      case 1: return end_in_every_way(world);
      default: return arrive_and_destroy(world);
    }
  };
  using enum mutation::change;
  expect_lock_mutations_found(
      seeds, race,
      {{"peek()", drop, "an older state sends to the slow half, which looks again under the lock"}});
}

}  // namespace
}  // namespace weft

// The whole runtime under the simulator: fibers, workers, joins, stops, with every interleaving of their
// atomics.
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

TEST(SimulatedRuntime, fibers_run_and_the_runtime_stops) {
  explore(1000, [](sim& world) {
    int ran = 0;
    for (int i = 0; i < 3; ++i) world.spawn([&] { ++ran; });
    world.run();
    EXPECT_EQ(ran, 3);
  });
}

TEST(SimulatedRuntime, sleep_is_neither_early_nor_for_ever) {
  explore(200, [](sim& world) {
    const deadline until = world.in(5ms);
    world.spawn([&] { this_fiber::sleep_until(until); });
    world.advance(4ms);
    EXPECT_EQ(world.parked(), 1u);
    world.advance(1ms);
    EXPECT_EQ(world.parked(), 0u);
  });
}

TEST(SimulatedRuntime, all_fibers_of_a_tree_run_on_two_workers) {
  explore(2000,
          [](sim& world) {
            int ran = 0;
            const auto spawns = [&] {
              std::vector<task<void>> children;
              for (int i = 0; i < 3; ++i) children.push_back(spawn([&] { ++ran; }));
              for (task<void>& t : children) t.join();
              ++ran;
            };
            for (int i = 0; i < 2; ++i) world.spawn(spawns);
            world.run();
            EXPECT_EQ(ran, 8);
          },
          {.workers = 2});
}

TEST(SimulatedRuntime, stop_ends_what_is_parked_and_what_comes_meanwhile) {
  explore(2000,
          [](sim& world) {
            int ended = 0;
            world.rt();
            world.thread([&] {
              for (int i = 0; i < 2; ++i)
                world.rt().go([&] {
                  (void)this_fiber::sleep_until(deadline::never());
                  ++ended;
                });
              world.rt().go([&] {
                go([&] {
                  (void)this_fiber::sleep_until(deadline::never());
                  ++ended;
                });
                ++ended;
              });
              world.check(world.rt().stop(world.in(1s)).has_value(), "stop() gave up");
            });
            world.run();
            EXPECT_EQ(ended, 4);
          },
          {.workers = 2});
}

std::int64_t destruction_began = 0;

// Leaves the process with 0 if ten seconds have gone by since, to a tick of the timers.
[[noreturn]] void judge_patience() {
  const std::chrono::nanoseconds waited{detail::steady_ns() - destruction_began};
  _exit(waited >= 10s && waited < 10s + 1ms ? 0 : 1);
}

[[noreturn]] void destroy_a_runtime_whose_fiber_does_not_end() {
  std::set_terminate(judge_patience);
  sim world{1};
  mutex never_unlocked;
  never_unlocked.lock();
  auto of_a_stubborn_one = std::make_unique<runtime>(
      options{.workers = 1, .overflow_report = false, .asleep_report = false, .error_sink = nullptr});
  of_a_stubborn_one->go([&] { never_unlocked.lock(); }, {.name = "stubborn"});
  world.advance(1ms);
  destruction_began = detail::steady_ns();
  of_a_stubborn_one.reset();
  _exit(2);  // it went, though a fiber of its is left
}

TEST(SimulatedRuntimeDeathTest, a_destructor_waits_for_ten_seconds_reports_and_terminates) {
  EXPECT_EXIT(destroy_a_runtime_whose_fiber_does_not_end(), testing::ExitedWithCode(0),
              "1 fibers did not end after stop.*\n.*\"stubborn\".*runtime_test.cpp.*waits for a mutex");
}

TEST(SimulatedRuntime, spawns_beyond_the_limit_wait_for_room) {
  explore(2000,
          [](sim& world) {
            int ran = 0;
            const auto spawns = [&] {
              for (int i = 0; i < 2; ++i) world.rt().spawn([&] { ++ran; }).join();
            };
            world.spawn(spawns);
            world.thread(spawns);
            world.thread(spawns);
            world.run();
            EXPECT_EQ(ran, 6);
          },
          {.workers = 2, .fibers_max = 2});
}

// A thread that waited for room goes on, and ends, while who made the room is still at it.
TEST(SimulatedRuntime, a_thread_that_waited_for_room_may_end_at_once) {
  explore(10'000,
          [](sim& world) {
            int ran = 0;
            world.rt();
            for (int i = 0; i < 6; ++i) world.thread([&] { world.rt().go([&] { ++ran; }); });
            world.run();
            world.advance(1ms);
            EXPECT_EQ(ran, 6);
          },
          {.workers = 1, .fibers_max = 1});
}

// Workers whose fibers do not let go have unstarted ones; another one sleeps, or is about to, and must come
// for them. For one alone it is not called (worker::offer_work), so all but one run.
void stuck_workers_are_robbed(sim& world) {
  constexpr unsigned rounds = 2, fibers = 3;
  const unsigned stuck = world.rt().workers() - 1;
  const auto start = world.now();
  const auto gets_stuck = [&] {
    detail::atomic<std::uint32_t> ran{0};
    for (unsigned round = 1; round <= rounds; ++round) {
      for (unsigned i = 0; i < fibers; ++i)
        go([&] {
          ran.fetch_add(1);
          detail::futex_wake(&ran, 1);
        });
      // Not a wait of weft: the worker itself is stuck here.
      for (std::uint32_t seen = ran.load(); seen < fibers * round - 1; seen = ran.load())
        detail::futex_wait(ran, seen, deadline::never());
      world.check(world.now() - start < 1ms, "nobody came before a timer woke him");
    }
    while (ran.load() < fibers * rounds) this_fiber::yield();
  };
  std::vector<task<void>> all;
  for (unsigned i = 0; i < stuck; ++i) all.push_back(world.rt().spawn(gets_stuck, {.worker = i}));
  for (task<void>& t : all) t.join();
}

TEST(Stealing, a_sleeping_worker_comes_for_the_fibers_of_a_stuck_one) {
  explore(10'000, stuck_workers_are_robbed, {.workers = 2});
}

TEST(Stealing, and_for_those_of_two) { explore(5000, stuck_workers_are_robbed, {.workers = 3}); }

TEST(Stealing, every_operation_of_the_nudge_is_needed) {
  using enum mutation::change;
  const auto check = [](const code& part, const std::vector<exemption>& exempt = {}) {
    expect_mutations_found(part, 4000, stuck_workers_are_robbed, exempt, {.workers = 3});
  };
  constexpr std::string_view doubled =
      "searching_ and idle_ each see to it that there is one nudge at a time";
  check("runtime/scheduler.hpp");
  check({"runtime/scheduler.cpp", "became_"},
        {{"flag.exchange", tear, doubled},
         {"idle_.fetch_sub", drop, "a count that is too high costs a look at every flag, nothing else"}});
  check({"runtime/scheduler.cpp", "nudge"},
        {{"searching_.exchange", drop, doubled}, {"searching_.exchange", tear, doubled}});
  check({"runtime/worker.hpp", "nudge"},
        {{"idle_.exchange", drop, doubled, detail::step_kind::exchange}, {"idle_.exchange", tear, doubled}});
}

}  // namespace
}  // namespace weft

// How long an idle worker spins: as long as it pays, and not when it does not. The clock moves by half a
// microsecond while all that can run only spin, so that a spin has a length here too.
#include <chrono>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr auto longest = 50us;

options spinning() {
  options o;
  o.workers = 1;
  o.spin = longest;
  o.overflow_report = false;
  o.asleep_report = false;
  return o;
}

struct round_trip {
  nanoseconds took;
  std::uint64_t sleeps;  // of the worker, in it
};

/// One fiber waits, time after time; for each wait, `wakes` is called on a thread, and sets the event that it
/// gets.
template <class F>
std::vector<round_trip> wait_often(sim& world, runtime& rt, std::size_t rounds, F wakes) {
  std::vector<round_trip> all;
  std::vector<event> waits(rounds);
  detail::worker& w = *rt.shared().workers()[0];
  std::size_t begun = 0;
  task<void> waiter = rt.spawn([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      const auto begin = world.now();
      const std::uint64_t sleeps = w.counters().sleeps;
      begun = i + 1;
      (void)waits[i].wait();
      all.push_back({world.now() - begin, w.counters().sleeps - sleeps});
    }
  });
  world.thread([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      while (begun <= i) detail::spin_pause();
      wakes(i, waits[i], w);
    }
  });
  world.run();
  waiter.join();
  return all;
}

TEST(Spin, what_comes_soon_is_spun_for_and_not_slept_for) {
  sim world{1};
  runtime rt{spinning()};
  const auto all = wait_often(world, rt, 60, [&](std::size_t, event& e, detail::worker&) {
    this_fiber::sleep_for(10us);
    e.set();
  });
  EXPECT_GE(all[0].sleeps, 1u) << "it begins without";
  for (std::size_t i = 10; i < all.size(); ++i) {
    EXPECT_EQ(all[i].sleeps, 0u) << i;
    EXPECT_LT(all[i].took, 20us) << i;
  }
}

TEST(Spin, ends_by_and_by_where_it_takes_long_and_comes_back) {
  sim world{1};
  runtime rt{spinning()};
  std::vector<std::uint64_t> steps;
  (void)wait_often(world, rt, 60, [&](std::size_t i, event& e, detail::worker&) {
    const std::uint64_t before = world.steps();
    this_fiber::sleep_for(i < 20 || i >= 40 ? 10us : nanoseconds{1ms});
    steps.push_back(world.steps() - before);
    e.set();
  });
  EXPECT_GT(steps[20], 100u) << "the first long wait is spun for, to the end";
  for (std::size_t i = 30; i < 40; ++i) EXPECT_LT(steps[i], 60u) << "it spins in vain, wait " << i;
  for (std::size_t i = 50; i < 60; ++i) EXPECT_GT(steps[i], 10u) << "it has not come back, wait " << i;
}

// As when it takes the processor that the other wants: nothing comes while it spins, and then at once.
TEST(Spin, stops_for_a_while_where_no_spin_is_enough_and_no_sleep_is_long) {
  sim world{1};
  runtime rt{spinning()};
  const auto all = wait_often(world, rt, 300, [&](std::size_t, event& e, detail::worker& w) {
    while (!w.messages().sleeps()) detail::spin_pause();
    this_fiber::sleep_for(5us);
    e.set();
  });
  std::size_t spun = 0, to_the_end = 0;
  for (const round_trip& r : all) {
    EXPECT_GE(r.sleeps, 1u);
    if (r.took > 10us) ++spun;
    if (r.took > longest) ++to_the_end;
  }
  EXPECT_GE(to_the_end, 4u) << "it has not tried";
  EXPECT_LE(spun, 24u) << "it goes on spinning in vain";
}

TEST(Spin, none_if_the_options_say_so) {
  sim world{1};
  options o = spinning();
  o.spin = 0ns;
  runtime rt{o};
  const auto all = wait_often(world, rt, 30, [&](std::size_t, event& e, detail::worker&) {
    this_fiber::sleep_for(10us);
    e.set();
  });
  for (const round_trip& r : all) EXPECT_GE(r.sleeps, 1u);
}

}  // namespace
}  // namespace weft

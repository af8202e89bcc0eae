// "All fibers are asleep", under every interleaving: told or not, no wake-up is lost.
#include "census_fixture.hpp"

#include <chrono>
#include <optional>
#include <vector>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/external_work.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;

// Two fibers wait, and threads do something for a while or keep quiet; then the first fiber is woken, from
// inside or outside, and some time later the second. Told or not, no wake-up is lost.
void wake_in_time(sim& world) {
  enum { quiet, guards, waits, wakes, races, races_waiting };
  const std::uint64_t how = world.random(6);
  const bool at_the_second = how == races || how == races_waiting;
  const deadline time = world.in(at_the_second ? 1s : 2500ms);
  reports::clear();
  event first, second, gone;
  std::size_t before = 0, after = 0;
  {
    runtime rt{watched(1 + static_cast<unsigned>(world.random(2)))};
    const auto passes_time = [&] {
      std::optional<external_work> work;
      if (how == guards) work.emplace(rt);
      if (how == waits || how == races_waiting) (void)gone.wait(time);
      else this_fiber::sleep_until(time);
    };
    task<void> a = rt.spawn([&] { (void)first.wait(); });
    task<void> b = rt.spawn([&] { (void)second.wait(); });
    world.thread(passes_time);
    world.thread([&] {
      passes_time();
      before = told();
      if (how == wakes || at_the_second) first.set();
      else rt.block_on([&] { first.set(); });
      this_fiber::sleep_for(3s);
      after = told();
      second.set();
    });
    a.join();
    b.join();
    world.run();
  }
  after += told();
  switch (how) {
    case quiet:
    case wakes: world.check(before == 1 && after == 0, "not told, or twice"); break;
    case guards:
    case waits:
      world.check(before == 0 && after == 1, "told in spite of outside work, or not after it");
      break;
    default: world.check(before + after == 1, "not told, or twice");
  }
}

// The same, but a foreign thread has woken a fiber before the second was over, or has waited itself: nobody
// is told of who waits there still.
void wake_early(sim& world) {
  reports::clear();
  counting_semaphore<> first{0}, second{0};
  const bool elsewhere = world.random(2) == 0;  // b waits where the thread never was
  const bool by_waiting = world.random(2) == 0;
  counting_semaphore<>& of_b = elsewhere ? second : first;
  {
    runtime rt{watched(1 + static_cast<unsigned>(world.random(2)))};
    task<void> a = rt.spawn([&] { first.acquire(); });
    task<void> b = rt.spawn([&] { of_b.acquire(); });
    world.thread([&] {
      this_fiber::sleep_for(500ms);
      if (by_waiting) (void)first.try_acquire_for(1ms);
      else first.release();
      this_fiber::sleep_for(3s);
      if (by_waiting) first.release();
      of_b.release();
    });
    a.join();
    b.join();
    world.run();
  }
  const std::size_t expected = elsewhere && !by_waiting ? 1 : 0;  // a waits where the thread has waited
  world.check(told() == expected, "told of who waits where a foreign thread was, or of nobody else either");
}

TEST_F(Census, loses_no_wake_up_in_any_interleaving) { explore(10'000, wake_in_time); }

TEST_F(Census, is_silent_where_foreign_threads_wake_in_any_interleaving) { explore(10'000, wake_early); }

TEST_F(Census, every_operation_is_needed) {
  const std::vector<exemption> in_source = {
      {"f.owner.load(std::memory_order_relaxed) != &of_", mutation::change::drop,
       "there is one runtime here; what was there before it may have had its address or not",
       detail::step_kind::none, /*by_address=*/true},
  };
  const auto all = [](sim& world) {
    wake_in_time(world);
    wake_early(world);
  };
  expect_mutations_found("census.hpp", 2000, all);
  expect_mutations_found("census.cpp", 2000, all, in_source);
}

}  // namespace
}  // namespace weft

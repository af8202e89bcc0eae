// Room for fibers under every interleaving: nobody is let in above the limit but those who must be, and
// nobody waits for ever.
#include <weft/runtime/admission.hpp>

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_fibers{.workers = 2, .fibers_max = 2};

// Threads come in and go, by waiting and by trying.
void take_turns(sim& world) {
  const std::size_t most = 1 + world.random(2);
  detail::admission places{most};
  std::size_t inside = 0;
  for (int i = 0; i < 4; ++i)
    world.thread([&] {
      for (int round = 0; round < 2; ++round) {
        if (world.random(3) == 0) {
          if (!places.try_enter()) continue;
        } else {
          places.enter(/*inside=*/false);
        }
        world.check(++inside <= most, "more are in than may be");
        world.interleave();
        --inside;
        places.leave();
      }
    });
  world.run();
  world.check(places.live() == 0, "somebody is still counted");
  for (std::size_t i = 0; i < most; ++i) world.check(places.try_enter(), "a place was lost");
  world.check(!places.try_enter(), "a place was made of nothing");
}

/// After the fibers of a world of two have ended: nobody is counted, and the limit is what it was.
void expect_nobody(sim& world) {
  world.advance(std::chrono::milliseconds{1});
  detail::admission& places = world.rt().shared().admission();
  world.check(places.live() == 0, "somebody is still counted");
  bool in = false;
  world.check(places.try_enter() && places.try_enter(), "a place was lost");
  world.thread([&] {
    places.enter(/*inside=*/false);
    in = true;
    places.leave();
  });
  world.advance(std::chrono::milliseconds{0});
  world.check(!in, "let in above the limit");
  places.leave();
  world.run();
  places.leave();
}

struct tree {
  int leaves = 0;

  void grow(int depth) {
    if (depth == 0) {
      ++leaves;
      return;
    }
    task<void> left = spawn([this, depth] { grow(depth - 1); });
    task<void> right = spawn([this, depth] { grow(depth - 1); });
    left.join();
    right.join();
  }
};

// Trees of fibers that join each other: all that live wait for joins or for room, and some must be let in.
void grow_trees(sim& world) {
  tree inside, outside;
  world.spawn([&] { inside.grow(2); });
  world.thread([&] { world.rt().spawn([&] { outside.grow(1); }).join(); });
  world.run();
  world.check(inside.leaves == 4 && outside.leaves == 2, "a leaf was lost");
  expect_nobody(world);
}

// Who waits for room is stopped meanwhile, and is let in; and so is who was stopped before.
void stop_who_waits(sim& world) {
  event go_on;
  int children = 0;
  task<void> spawner = world.rt().spawn([&] {
    for (int i = 0; i < 2; ++i) spawn([&] { ++children; }).join();
  });
  task<void> holder = world.rt().spawn([&] {
    const cancellation_shield deaf;
    (void)go_on.wait();
  });
  world.thread([&] {
    (void)spawner.request_stop();
    spawner.join();
    world.check(children == 2, "the spawner did not come through");
    go_on.set();
    holder.join();
  });
  world.thread([&] { world.rt().spawn([] {}).join(); });
  world.run();
  expect_nobody(world);
}

TEST(Admission, never_lets_more_in_than_may_be) { explore(seeds, take_turns); }
TEST(Admission, lets_in_whom_nobody_else_could_make_room_for) { explore(seeds, grow_trees, two_fibers); }
TEST(Admission, lets_in_who_is_stopped) { explore(seeds, stop_who_waits, two_fibers); }

TEST(Admission, every_operation_is_needed) {
  expect_mutations_found(
      "runtime/admission.cpp", seeds,
      [](sim& world) {
        switch (world.seed() % 3) {
          case 0: return take_turns(world);
          case 1: return grow_trees(world);
          default: return stop_who_waits(world);
        }
      },
      {}, two_fibers);
}

}  // namespace
}  // namespace weft

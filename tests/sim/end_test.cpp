// stop() ends when the last fiber has, whoever spawned it and wherever it ran: not before, and not by the
// grace of a timer later.
#include <chrono>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// A callable that cannot be stored: its move throws, after it has said that this spawner is done, if it is.
// Where in spawning that is, `moves` decides.
struct unspawnable {
  unspawnable(int moves, sim& in, wait_group* spawners) : left{moves}, world{in}, done{spawners} {}
  unspawnable(const unspawnable& other) : left{other.left - 1}, world{other.world}, done{other.done} {
    if (left >= 0) return;
    if (done != nullptr) done->done();
    world.interleave();
    throw 1;
  }
  void operator()() const {
    if (done != nullptr) done->done();
  }

  int left;
  sim& world;
  wait_group* done;
};

// Spawners on threads, one of which gives up in the middle, and fibers that spawn on the other worker, while
// two threads stop the runtime. A fiber lives as long as somebody may still spawn.
void stop_while_all_spawn(sim& world) {
  runtime& rt = world.rt();
  wait_group spawners;
  spawners.add(2);
  int spawned = 1, ended = 0;
  const auto lives = [&] {
    if (world.random(2) == 0) this_fiber::yield();
    ++ended;
  };
  const auto spawns = [&] {
    ++spawned;
    go(lives, {.worker = static_cast<unsigned>(world.random(2))});
    ++ended;
  };
  rt.go([&] {
    const cancellation_shield deaf;
    (void)spawners.wait();
    ++ended;
  });
  world.thread([&] {
    for (std::uint64_t i = world.random(4); i > 0; --i) {
      ++spawned;
      rt.go(spawns);
    }
    spawners.done();
  });
  world.thread([&] {
    for (wait_group* const done : {static_cast<wait_group*>(nullptr), &spawners}) {
      try {
        rt.go(unspawnable{static_cast<int>(world.random(6)), world, done});
      } catch (int) {}
    }
  });
  for (int i = 0; i < 2; ++i)
    world.thread([&] {
      const auto start = world.now();
      world.check(rt.stop(deadline::never()).has_value(), "stop() gave up");
      world.check(ended == spawned, "stopped while fibers live");
      world.check(world.now() - start < 1ms, "a timer had to end it");
    });
  world.run();
}

TEST(End, stop_waits_for_the_last_fiber_and_no_longer) { explore(seeds, stop_while_all_spawn, two_workers); }

TEST(End, every_operation_is_needed) {
  using enum mutation::change;
  constexpr std::string_view mistake = "only who spawns when all have ended can tell, and that is a mistake";
  const auto check = [](const code& part, const std::vector<exemption>& exempt = {}) {
    expect_mutations_found(part, seeds, stop_while_all_spawn, exempt, two_workers);
  };
  check({"runtime/scheduler.cpp", "check_ended"},
        {{"compare_exchange_weak", drop, mistake}, {"compare_exchange_weak", tear, mistake}});
  check({"runtime/scheduler.cpp", "all_ended"});
  check({"runtime/scheduler.cpp", "announce"});
  check({"runtime/scheduler.cpp", "withdraw"});
  check({"runtime/scheduler.cpp", "scheduler::stop("});
  check({"runtime/worker.hpp", "count_spawned"});
  check({"runtime/worker_fibers.cpp", "count_finished"});
}

}  // namespace
}  // namespace weft

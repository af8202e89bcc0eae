// once_flag and call_once in simulated worlds: what std promises of them, and every interleaving of those who
// run it, wait for it, give up and throw.
#include <chrono>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/once_flag.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// --- what std promises

static_assert(std::is_nothrow_default_constructible_v<once_flag>);
static_assert(!std::is_copy_constructible_v<once_flag> && !std::is_copy_assignable_v<once_flag>);

constinit once_flag made_at_compile_time;

TEST(OnceFlag, is_made_at_compile_time) {
  int calls = 0;
  call_once(made_at_compile_time, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(CallOnce, calls_once_and_passes_the_arguments_on) {
  once_flag flag;
  std::unique_ptr<int> taken;
  struct counter {
    int calls = 0;
    void add(int n) { calls += n; }
  } c;
  call_once(flag, [&](std::unique_ptr<int> p) { taken = std::move(p); }, std::make_unique<int>(7));
  call_once(flag, [&](std::unique_ptr<int>) { FAIL(); }, nullptr);
  EXPECT_EQ(*taken, 7);
  once_flag other;
  call_once(other, &counter::add, c, 1);  // c itself, no copy
  EXPECT_EQ(c.calls, 1);
  once_flag third;
  call_once(third, &counter::add, &c, 2);
  call_once(third, &counter::add, &c, 2);
  EXPECT_EQ(c.calls, 3);
}

TEST(CallOnce, waits_for_who_runs_it) {
  sim world{1};
  once_flag flag;
  event go_on;
  int calls = 0, through = 0;
  const auto body = [&] {
    call_once(flag, [&] {
      ++calls;
      EXPECT_TRUE(go_on.wait());
    });
    ++through;
  };
  for (int i = 0; i < 2; ++i) {
    world.spawn(body);
    world.thread(body);
  }
  EXPECT_EQ(world.parked(), 4u);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(through, 0);
  go_on.set();
  world.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(through, 4);
}

TEST(CallOnce, an_exception_goes_to_the_caller_and_the_next_tries_again) {
  sim world{1};
  once_flag flag;
  event go_on;
  int calls = 0, thrown = 0, through = 0;
  const auto body = [&] {
    try {
      call_once(flag, [&] {
        const int mine = ++calls;
        EXPECT_TRUE(go_on.wait());
        if (mine < 3) throw std::runtime_error{"not yet"};
      });
      ++through;
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  };
  for (int i = 0; i < 3; ++i) {
    world.spawn(body);
    world.thread(body);
  }
  EXPECT_EQ(world.parked(), 6u);
  go_on.set();
  world.run();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(thrown, 2);
  EXPECT_EQ(through, 4);
  EXPECT_THROW(
      {
        once_flag other;
        call_once(other, [] { throw std::runtime_error{"alone"}; });
      },
      std::runtime_error);
}

TEST(CallOnce, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  once_flag flag;
  event go_on;
  result<void> on_fiber, on_thread;
  const auto nothing = [] { FAIL(); };
  world.spawn([&] { call_once(flag, [&] { EXPECT_TRUE(go_on.wait()); }); });
  (void)world.parked();
  world.spawn([&] { on_fiber = call_once(flag, world.in(5ms), nothing); });
  world.thread([&] { on_thread = call_once(flag, 5ms, nothing); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 3u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 1u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  go_on.set();
  world.run();
  EXPECT_TRUE(call_once(flag, deadline::past(), nothing));
  once_flag other;
  int calls = 0;
  EXPECT_TRUE(call_once(other, deadline::past(), [&] { ++calls; }));  // nobody else runs it
  EXPECT_EQ(calls, 1);
}

TEST(CallOnce, a_stop_ends_only_the_call_with_a_deadline) {
  sim world{1};
  once_flag flag;
  event go_on;
  result<void> bounded;
  bool through = false;
  world.spawn([&] { call_once(flag, [&] { EXPECT_TRUE(go_on.wait()); }); });
  (void)world.parked();
  auto task = world.rt().spawn([&] {
    bounded = call_once(flag, deadline::never(), [] { FAIL(); });
    call_once(flag, [] { FAIL(); });
    through = true;
  });
  world.advance(1ms);
  EXPECT_TRUE(task.request_stop());
  world.advance(1ms);
  EXPECT_EQ(bounded.error(), errc::canceled);
  EXPECT_FALSE(through);
  go_on.set();
  task.join();
  EXPECT_TRUE(through);
}

TEST(CallOnceDeathTest, a_call_from_within_itself_is_an_assertion) {
  once_flag flag;
  EXPECT_DEATH(call_once(flag, [&] { call_once(flag, [] {}); }), "from within itself");
}

TEST(CallOnceDeathTest, destroying_the_flag_while_a_call_is_under_way_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        event never;
        auto flag = std::make_unique<once_flag>();
        world.spawn([&] { call_once(*flag, [&] { (void)never.wait(); }); });
        (void)world.parked();
        flag.reset();
      },
      "destroyed while a call is under way");
}

// --- every interleaving

// It throws at first, now and then; some wait with a deadline that has passed or will, one is stopped, and
// the last user of the flag destroys it.
void call_in_every_way(sim& world) {
  auto flag = std::make_unique<once_flag>();
  int running = 0, done = 0, users = 5;
  std::uint64_t failures = world.random(3);
  const auto f = [&] {
    world.check(running++ == 0, "two run it");
    world.check(done == 0, "it runs again");
    world.interleave();
    if (world.random(3) == 0) sleep_until(world.in(1ms));
    --running;
    if (failures != 0) {
      --failures;
      throw std::runtime_error{"not yet"};
    }
    ++done;
  };
  const auto call = [&, p = flag.get()](bool may_stop) {
    try {
      if (may_stop || world.random(3) == 0) {
        const deadline until = may_stop               ? deadline::never()
                               : world.random(2) == 0 ? deadline::past()
                                                      : world.in(1ms);
        const result<void> r = call_once(*p, until, f);
        world.check(r.has_value() || r.error() == (may_stop ? errc::canceled : errc::deadline_exceeded),
                    "the wrong error");
        if (r) world.check(done == 1, "it is not done");
      } else {
        call_once(*p, f);
        world.check(done == 1, "it is not done");
      }
    } catch (const std::runtime_error&) {
      // whoever comes next runs it
    }
    if (--users != 0) return;
    world.check(running == 0, "it runs still");
    destroy_and_spoil(std::move(flag));
  };
  world.spawn([&] { call(false); });
  world.spawn([&] { call(false); });
  world.thread([&] { call(false); });
  auto task = world.rt().spawn([&] { call(true); }, {.name = "stopped"});
  world.thread([&] {
    call(false);
    (void)task.request_stop();
    task.join();
  });
  world.run();
  world.check(users == 0, "one did not return");
}

TEST(CallOnce, runs_once_in_every_interleaving) { explore(seeds, call_in_every_way, {.workers = 2}); }

TEST(CallOnce, every_operation_is_needed) { expect_lock_mutations_found(seeds, call_in_every_way); }

}  // namespace
}  // namespace weft

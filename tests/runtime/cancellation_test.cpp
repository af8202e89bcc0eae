// with_deadline(), with_stop(), with_shield() and stop reasons in simulated worlds: what hurries a fiber for
// the time of a call, and what does not.
#include <chrono>
#include <optional>
#include <stop_token>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/with_stop.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// Runs `f` in a fiber of a world with one worker, for as long as it takes.
template <class F>
void on_a_fiber(F f) {
  sim world{1};
  world.spawn([&] { f(world); });
  world.run();
}

// --- deadlines

TEST(WithDeadline, ends_a_wait_that_has_none_of_its_own) {
  on_a_fiber([](sim& world) {
    event never;
    const auto begin = world.now();
    const result<void> r = with_deadline(5ms, [&] { return never.wait(); });
    EXPECT_EQ(r.error(), errc::deadline_exceeded);
    EXPECT_GE(world.now() - begin, 5ms);
    EXPECT_LT(world.now() - begin, 6ms);
  });
}

TEST(WithDeadline, the_earlier_of_both_ends_a_wait) {
  on_a_fiber([](sim& world) {
    event never;
    const auto begin = world.now();
    with_deadline(5ms, [&] { EXPECT_EQ(never.wait(1ms).error(), errc::deadline_exceeded); });
    EXPECT_LT(world.now() - begin, 2ms);
    with_deadline(5ms, [&] { EXPECT_EQ(never.wait(50ms).error(), errc::deadline_exceeded); });
    EXPECT_LT(world.now() - begin, 8ms);
  });
}

TEST(WithDeadline, is_never_lengthened_from_inside) {
  on_a_fiber([](sim& world) {
    event never;
    const auto begin = world.now();
    with_deadline(2ms, [&] {
      with_deadline(1h, [&] { EXPECT_FALSE(never.wait()); });
      with_deadline(deadline::never(), [&] { EXPECT_FALSE(never.wait()); });
    });
    EXPECT_LT(world.now() - begin, 3ms);
  });
}

TEST(WithDeadline, holds_no_longer_than_the_call) {
  on_a_fiber([](sim& world) {
    with_deadline(1ms, [&] {
      with_deadline(0ms, [] { EXPECT_FALSE(this_fiber::checkpoint()); });
      EXPECT_TRUE(this_fiber::checkpoint());
      EXPECT_EQ(this_fiber::sleep_for(2ms).error(), errc::deadline_exceeded);
    });
    EXPECT_TRUE(this_fiber::checkpoint());
    EXPECT_TRUE(this_fiber::sleep_for(2ms));
    event never;
    EXPECT_EQ(never.wait(world.in(1ms)).error(), errc::deadline_exceeded);
  });
}

TEST(WithDeadline, gives_what_the_call_gives) {
  on_a_fiber([](sim&) {
    int x = 1;
    int& same = with_deadline(1ms, [&]() -> int& { return x; });
    EXPECT_EQ(&same, &x);
    EXPECT_THROW(with_deadline(1ms, []() -> void { throw 1; }), int);
    EXPECT_TRUE(this_fiber::sleep_for(2ms));
  });
}

TEST(WithDeadline, lets_a_sleep_that_is_short_enough_end) {
  on_a_fiber([](sim&) {
    with_deadline(5ms, [] {
      EXPECT_TRUE(this_fiber::sleep_for(1ms));
      EXPECT_EQ(this_fiber::sleep_for(1h).error(), errc::deadline_exceeded);
      EXPECT_TRUE(this_fiber::sleep_until(deadline::past()));  // its own end came first
      EXPECT_EQ(this_fiber::sleep_for(1ms).error(), errc::deadline_exceeded);
    });
  });
}

TEST(WithDeadline, is_inherited_by_spawned_fibers_but_not_by_go) {
  on_a_fiber([](sim& world) {
    event never;
    result<void> child, grandchild;
    std::optional<result<void>> other;
    const auto begin = world.now();
    task<void> t = with_deadline(3ms, [&] {
      go([&] { other = this_fiber::sleep_for(10ms); });
      return spawn([&] {
        child = never.wait();
        auto inner = spawn([&] { grandchild = never.wait(); });
        inner.join();
      });
    });
    t.join();
    EXPECT_LT(world.now() - begin, 4ms);
    EXPECT_EQ(child.error(), errc::deadline_exceeded);
    EXPECT_EQ(grandchild.error(), errc::deadline_exceeded);
    EXPECT_TRUE(this_fiber::sleep_for(10ms));
    ASSERT_TRUE(other.has_value());
    EXPECT_TRUE(other->has_value());
  });
}

TEST(WithDeadline, does_not_end_a_join_that_has_none) {
  on_a_fiber([](sim& world) {
    const auto begin = world.now();
    auto slow = spawn([] { return this_fiber::sleep_for(10ms).has_value(); });
    with_deadline(1ms, [&] {
      EXPECT_EQ(slow.join(1h).error(), errc::deadline_exceeded);
      EXPECT_TRUE(slow.join());
    });
    EXPECT_GE(world.now() - begin, 10ms);
  });
}

TEST(WithDeadline, holds_on_a_foreign_thread_too) {
  sim world{1};
  result<void> got;
  world.thread([&] {
    event never;
    got = with_deadline(2ms, [&] { return never.wait(); });
    EXPECT_FALSE(never.wait(1ms));
    with_deadline(1ms,
                  [&] { with_shield(deadline::never(), [&] { EXPECT_TRUE(this_fiber::sleep_for(2ms)); }); });
  });
  world.run();
  EXPECT_EQ(got.error(), errc::deadline_exceeded);
}

TEST(WithDeadline, is_told_by_checkpoint_on_a_foreign_thread_too) {
  sim world{1};
  bool ended = false;
  world.thread([&] {
    with_deadline(2ms, [&] {
      EXPECT_TRUE(this_fiber::checkpoint());
      EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
      EXPECT_FALSE(this_fiber::sleep_for(3ms));
      EXPECT_EQ(this_fiber::checkpoint().error(), errc::deadline_exceeded);
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::timeout);
      with_shield(deadline::never(), [] { EXPECT_TRUE(this_fiber::checkpoint()); });
    });
    EXPECT_TRUE(this_fiber::checkpoint());
    EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
    ended = true;
  });
  world.run();
  EXPECT_TRUE(ended);
}

// --- stops

TEST(WithStopDeathTest, on_a_foreign_thread_is_an_assertion) {
  const std::stop_source source;
  EXPECT_DEATH(with_stop(source.get_token(), [] {}), "with_stop\\(\\) is for fibers");
}

TEST(WithStop, ends_waits_inside_only) {
  sim world{1};
  std::stop_source source;
  event never;
  result<void> inside;
  bool outside = false;
  world.spawn([&] {
    inside = with_stop(source.get_token(), [&] { return never.wait(); });
    EXPECT_FALSE(this_fiber::stop_requested());
    outside = this_fiber::sleep_for(1ms).has_value();
  });
  EXPECT_EQ(world.parked(), 1u);
  source.request_stop();
  world.run();
  EXPECT_EQ(inside.error(), errc::canceled);
  EXPECT_TRUE(outside);
}

TEST(WithStop, a_token_that_is_stopped_already_cancels_at_once) {
  on_a_fiber([](sim&) {
    std::stop_source source;
    source.request_stop();
    with_stop(source.get_token(), [] {
      EXPECT_TRUE(this_fiber::stop_requested());
      EXPECT_TRUE(this_fiber::get_stop_token().stop_requested());
      EXPECT_EQ(this_fiber::sleep_for(1ms).error(), errc::canceled);
      EXPECT_EQ(this_fiber::checkpoint().error(), errc::canceled);
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::user);
    });
    EXPECT_TRUE(this_fiber::checkpoint());
    EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
  });
}

TEST(WithStop, every_token_around_a_wait_ends_it) {
  for (int which = 0; which < 3; ++which) {
    sim world{1};
    std::stop_source outer, inner;
    event never;
    result<void> got;
    std::stop_token seen;
    auto t = world.rt().spawn([&] {
      with_stop(outer.get_token(), [&] {
        with_stop(inner.get_token(), [&] {
          seen = this_fiber::get_stop_token();
          got = never.wait();
          EXPECT_TRUE(seen.stop_requested());
        });
        EXPECT_EQ(this_fiber::stop_requested(), which != 0);
      });
    });
    world.advance(1ms);
    EXPECT_FALSE(seen.stop_requested());
    if (which == 0) inner.request_stop();
    else if (which == 1) outer.request_stop();
    else EXPECT_TRUE(t.request_stop());
    EXPECT_TRUE(seen.stop_requested());
    t.join();
    EXPECT_EQ(got.error(), errc::canceled);
  }
}

TEST(WithStop, passes_on_to_a_task_that_is_joined) {
  sim world{1};
  std::stop_source source;
  event never;
  result<void> got;
  world.spawn([&] {
    auto t = spawn([&] { return never.wait(); });
    with_stop(source.get_token(), [&] { got = t.join(); });
    EXPECT_FALSE(this_fiber::stop_requested());
  });
  EXPECT_EQ(world.parked(), 1u);
  source.request_stop();
  world.run();
  EXPECT_EQ(got.error(), errc::canceled);
}

TEST(SpawnOptions, stop_cancels_the_fiber_too) {
  sim world{1};
  std::stop_source source;
  event never;
  result<void> by_wait, by_token;
  world.spawn([&] {
    auto waits = spawn([&] { return never.wait(); }, {.stop = source.get_token()});
    auto polls = spawn(
        [&](std::stop_token stop) -> result<void> {
          while (!stop.stop_requested()) (void)this_fiber::sleep_for(1ms);
          return std::unexpected(errc::canceled);
        },
        {.stop = source.get_token()});
    by_wait = waits.join();
    by_token = polls.join();
  });
  EXPECT_EQ(world.parked(), 1u);
  source.request_stop();
  world.run();
  EXPECT_EQ(by_wait.error(), errc::canceled);
  EXPECT_EQ(by_token.error(), errc::canceled);
}

// --- shields

TEST(WithShield, hides_stop_and_deadline_but_has_its_own) {
  sim world{1};
  std::stop_source source;
  source.request_stop();
  auto t = world.rt().spawn([&] {
    with_deadline(1ms, [&] {
      with_stop(source.get_token(), [&] {
        with_shield(10ms, [&] {
          EXPECT_FALSE(this_fiber::stop_requested());
          EXPECT_FALSE(this_fiber::get_stop_token().stop_requested());
          EXPECT_TRUE(this_fiber::sleep_for(2ms));
          EXPECT_TRUE(this_fiber::checkpoint());
          EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
          with_stop(source.get_token(), [] { EXPECT_FALSE(this_fiber::sleep_for(1ms)); });
          with_deadline(1ms, [] { EXPECT_FALSE(this_fiber::sleep_for(2ms)); });
          EXPECT_EQ(this_fiber::sleep_for(1h).error(), errc::deadline_exceeded);
        });
        EXPECT_EQ(this_fiber::checkpoint().error(), errc::canceled);
      });
      EXPECT_EQ(this_fiber::sleep_for(1ms).error(), errc::canceled);
    });
  });
  EXPECT_TRUE(t.request_stop());
  t.join();
}

TEST(WithShield, what_came_meanwhile_is_felt_afterwards) {
  sim world{1};
  std::stop_source source;
  result<void> inside, afterwards;
  world.spawn([&] {
    with_stop(source.get_token(), [&] {
      {
        const cancellation_shield shielded;
        inside = this_fiber::sleep_for(2ms);
        EXPECT_TRUE(this_fiber::sleep_for(1ms));  // nothing calls for attention by now
      }
      afterwards = this_fiber::sleep_for(1ms);
    });
  });
  world.advance(1ms);
  source.request_stop();
  world.run();
  EXPECT_TRUE(inside);
  EXPECT_EQ(afterwards.error(), errc::canceled);
}

// --- reasons

TEST(StopReason, tells_who_has_stopped_the_fiber) {
  sim world{1};
  const auto reason_after = [&](auto stop) {
    std::optional<stop_reason> seen;
    auto t = world.rt().spawn([&] {
      (void)this_fiber::sleep_for(1h);
      seen = this_fiber::stop_reason();
    });
    world.advance(1ms);
    stop(t);
    world.advance(1ms);
    if (t.joinable()) t.join();
    return seen;
  };
  EXPECT_EQ(reason_after([](task<void>& t) { (void)t.request_stop(); }), stop_reason::user);
  EXPECT_EQ(reason_after([](task<void>& t) { (void)t.request_stop(stop_reason::resource); }),
            stop_reason::resource);
  EXPECT_EQ(reason_after([](task<void>& t) {
              (void)t.request_stop(stop_reason::error);
              (void)t.request_stop(stop_reason::user);  // the first one counts
            }),
            stop_reason::error);
  EXPECT_EQ(reason_after([](task<void>& t) { t = {}; }), stop_reason::parent);
}

TEST(StopReason, is_timeout_once_the_deadline_has_passed) {
  on_a_fiber([](sim&) {
    with_deadline(1ms, [] {
      EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
      EXPECT_FALSE(this_fiber::sleep_for(2ms));
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::timeout);
    });
  });
}

// --- every interleaving

// A fiber waits in nested scopes, with a deadline; tokens and its own stop come at any moment, from threads
// and from a fiber of either worker; it leaves the scopes at any moment, and must feel exactly what is still
// around it.
void everything_hurries(sim& world) {
  event gate;
  std::stop_source outer, inner;
  bool set = false, outer_stopped = false, inner_stopped = false, fiber_stopped = false;
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  const bool deadline_outside = world.random(2) == 0, shielded = world.random(3) == 0;

  const auto judge = [&](const result<void>& r, bool in_inner, bool timed, bool hidden) {
    if (r) return world.check(set, "woken by nobody");
    if (r.error() == errc::deadline_exceeded)
      return world.check(timed && until.expired(), "too early, or no deadline");
    const bool by_outside = (outer_stopped || fiber_stopped) && !hidden;
    world.check(by_outside || (in_inner && inner_stopped), "canceled by nobody");
  };
  auto waiter = world.rt().spawn([&] {
    const auto waits_inside = [&] {
      const result<void> r = with_stop(inner.get_token(), [&] { return gate.wait(until); });
      judge(r, true, true, shielded);
    };
    const auto waits = [&] {
      with_stop(outer.get_token(), [&] {
        if (shielded) with_shield(deadline::never(), waits_inside);
        else waits_inside();
        judge(gate.wait(until), false, true, false);
        if (world.random(2) == 0) {
          const std::stop_token token = this_fiber::get_stop_token();
          const result<void> r = gate.wait(until);
          world.check(r || r.error() != errc::canceled || token.stop_requested(), "the token has not heard");
        }
      });
    };
    if (deadline_outside) with_deadline(until, waits);
    else waits();
    if (!fiber_stopped)
      world.check(this_fiber::sleep_for(1ms).has_value() || fiber_stopped, "a stop was left over");
  });
  const auto stops = [&](int which) {
    if (world.random(2) == 0) sleep_until(until);
    switch (which) {
      case 0: inner_stopped = true; return (void)inner.request_stop();
      case 1: outer_stopped = true; return (void)outer.request_stop();
      case 2: fiber_stopped = true; return (void)waiter.request_stop();
      default: set = true; return gate.set();
    }
  };
  const int first = static_cast<int>(world.random(4)), second = static_cast<int>(world.random(4));
  world.thread([&] { stops(first); }, "stopper");
  world.spawn([&] { stops(second); }, "stopper");
  world.run();
  waiter.join();
}

TEST(Cancellation, is_felt_by_exactly_who_is_in_the_scope) {
  explore(seeds, everything_hurries, two_workers);
}

// Deadlines inherited by children, while a stop comes.
void children_inherit(sim& world) {
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  event gate;
  bool stopped = false;
  auto parent = world.rt().spawn([&] {
    with_deadline(until, [&] {
      auto child = spawn([&] { return gate.wait(); });
      const result<void> mine = gate.wait();
      world.check(mine.has_value() || mine.error() == errc::deadline_exceeded || stopped, "the wrong end");
      const result<void> childs = child.join();
      world.check(childs.has_value() || childs.error() == errc::deadline_exceeded || stopped,
                  "the wrong end");
    });
  });
  world.thread([&] {
    if (world.random(2) == 0) sleep_until(until);
    if (world.random(2) == 0) return gate.set();
    stopped = true;
    (void)parent.request_stop();
  });
  world.run();
  parent.join();
}

TEST(WithDeadline, children_end_with_their_spawner) { explore(seeds, children_inherit, two_workers); }

// Nothing else would end the wait: a stop that is lost is a deadlock.
void a_token_is_enough(sim& world) {
  std::stop_source source;
  world.spawn([&] {
    event never;
    const result<void> r = with_stop(source.get_token(), [&] { return never.wait(); });
    world.check(!r && r.error() == errc::canceled, "canceled by nobody");
    world.check(this_fiber::checkpoint().has_value(), "a stop was left over");
  });
  const auto stops = [&] { source.request_stop(); };
  if (world.random(2) == 0) world.spawn(stops);
  else world.thread(stops);
  world.run();
}

TEST(WithStop, is_not_lost) { explore(seeds, a_token_is_enough, two_workers); }

// Who stops a fiber sets its flag, then tells its source: whoever finds the flag first tells it, too.
void a_token_has_heard_of_a_stop_that_is_felt(sim& world) {
  event has_token;
  auto waiter = world.rt().spawn([&] {
    const std::stop_token token = this_fiber::get_stop_token();
    has_token.set();
    while (this_fiber::checkpoint()) {}
    world.check(token.stop_requested(), "the token has not heard");
  });
  world.thread(
      [&] {
        (void)has_token.wait();
        (void)waiter.request_stop();
      },
      "stopper");
  world.run();
  waiter.join();
}

TEST(Cancellation, is_known_to_the_token_first) {
  explore(seeds, a_token_has_heard_of_a_stop_that_is_felt, two_workers);
}

TEST(Cancellation, every_operation_is_needed) {
  using enum mutation::change;
  const auto any = [](sim& world) {
    switch (world.random(5)) {
      case 0: return children_inherit(world);
      case 1: return a_token_is_enough(world);
      case 2: return a_token_has_heard_of_a_stop_that_is_felt(world);
      default: return everything_hurries(world);
    }
  };
  const auto check = [&](const code& part, const std::vector<exemption>& exempt = {}) {
    expect_mutations_found(part, 2 * seeds, any, exempt, two_workers);
  };
  check("runtime/with_stop.cpp");
  check("runtime/stop_scope.hpp");
  check("runtime/stop_scope.cpp",
        {{"self.until.is_never()", drop, "a fiber that looks once too often only takes longer"}});
}

}  // namespace
}  // namespace weft

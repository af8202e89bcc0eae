// promise and future in simulated worlds: what std promises of them, the forms with a deadline, and every
// way of giving against every way of waiting, and the end of both.
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/future.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/std_future.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

std::future_errc code_of(const auto& f) {
  try {
    f();
  } catch (const std::future_error& e) {
    return static_cast<std::future_errc>(e.code().value());
  }
  return std::future_errc{};
}

// --- what std promises

static_assert(!std::is_copy_constructible_v<promise<int>> && !std::is_copy_assignable_v<promise<int>>);
static_assert(!std::is_copy_constructible_v<future<int>> && !std::is_copy_assignable_v<future<int>>);
static_assert(std::is_nothrow_move_constructible_v<promise<int>>);
static_assert(std::is_nothrow_move_assignable_v<promise<int>>);
static_assert(std::is_nothrow_move_constructible_v<future<int>>);
static_assert(std::is_nothrow_move_assignable_v<future<int>>);
static_assert(std::is_nothrow_default_constructible_v<future<int>>);
static_assert(std::is_same_v<decltype(std::declval<future<int>&>().get()), int>);
static_assert(std::is_same_v<decltype(std::declval<future<int&>&>().get()), int&>);
static_assert(std::is_void_v<decltype(std::declval<future<void>&>().get())>);
static_assert(std::is_void_v<decltype(std::declval<future<int>&>().wait())>);

TEST(FutureConformance, gives_the_value_once) {
  sim world{1};
  promise<std::unique_ptr<int>> p;
  future<std::unique_ptr<int>> f = p.get_future();
  EXPECT_TRUE(f.valid());
  EXPECT_EQ(f.wait_for(0s), std::future_status::timeout);
  p.set_value(std::make_unique<int>(5));
  EXPECT_EQ(f.wait_for(0s), std::future_status::ready);
  EXPECT_TRUE(f.valid());
  EXPECT_EQ(*f.get(), 5);
  EXPECT_FALSE(f.valid());
}

TEST(FutureConformance, has_forms_for_references_and_for_nothing) {
  sim world{1};
  int n = 1;
  promise<int&> of_reference;
  promise<void> of_nothing;
  future<int&> r = of_reference.get_future();
  future<void> v = of_nothing.get_future();
  of_reference.set_value(n);
  of_nothing.set_value();
  EXPECT_EQ(&r.get(), &n);
  v.get();
  EXPECT_FALSE(v.valid());
}

TEST(FutureConformance, an_exception_comes_out_of_get_and_not_of_wait) {
  sim world{1};
  promise<int> p;
  future<int> f = p.get_future();
  p.set_exception(std::make_exception_ptr(std::runtime_error{"out of luck"}));
  f.wait();
  EXPECT_EQ(f.wait_for(1s), std::future_status::ready);
  EXPECT_THROW(f.get(), std::runtime_error);
  EXPECT_FALSE(f.valid());
}

TEST(FutureConformance, a_promise_that_dies_is_broken) {
  sim world{1};
  future<int> f;
  EXPECT_FALSE(f.valid());
  {
    promise<int> p;
    f = p.get_future();
  }
  EXPECT_EQ(f.wait_for(0s), std::future_status::ready);
  EXPECT_EQ(code_of([&] { (void)f.get(); }), std::future_errc::broken_promise);

  promise<int> kept;
  future<int> g = kept.get_future();
  kept = promise<int>{};
  EXPECT_EQ(code_of([&] { (void)g.get(); }), std::future_errc::broken_promise);
}

TEST(FutureConformance, a_kept_promise_may_die) {
  sim world{1};
  future<std::string> f;
  {
    promise<std::string> p;
    f = p.get_future();
    p.set_value("text");
  }
  EXPECT_EQ(f.get(), "text");
}

TEST(FutureConformance, says_what_was_done_wrong) {
  sim world{1};
  promise<int> p;
  future<int> f = p.get_future();
  EXPECT_EQ(code_of([&] { (void)p.get_future(); }), std::future_errc::future_already_retrieved);
  p.set_value(1);
  EXPECT_EQ(code_of([&] { p.set_value(2); }), std::future_errc::promise_already_satisfied);
  EXPECT_EQ(code_of([&] { p.set_exception(std::make_exception_ptr(1)); }),
            std::future_errc::promise_already_satisfied);
  EXPECT_EQ(f.get(), 1);
  promise<int> empty = std::move(p);
  EXPECT_EQ(code_of([&] { p.set_value(2); }), std::future_errc::no_state);
  EXPECT_EQ(code_of([&] { (void)p.get_future(); }), std::future_errc::no_state);
  EXPECT_EQ(code_of([&] { (void)empty.get_future(); }), std::future_errc::future_already_retrieved);
}

struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(const throws_when_copied&) { throw std::runtime_error{"no copy"}; }
  throws_when_copied(throws_when_copied&&) noexcept {}
};

TEST(FutureConformance, a_value_that_cannot_be_made_satisfies_nothing) {
  sim world{1};
  promise<throws_when_copied> p;
  future<throws_when_copied> f = p.get_future();
  const throws_when_copied original;
  EXPECT_THROW(p.set_value(original), std::runtime_error);
  EXPECT_EQ(f.wait_for(0s), std::future_status::timeout);
  p.set_value(throws_when_copied{});
  (void)f.get();
}

TEST(FutureConformance, moves_and_swaps) {
  sim world{1};
  promise<int> a, b;
  future<int> of_a = a.get_future(), of_b = b.get_future();
  swap(a, b);
  a.set_value(1);
  b.set_value(2);
  EXPECT_EQ(of_a.get(), 2);
  EXPECT_EQ(of_b.get(), 1);
  promise<int> c;
  future<int> f = c.get_future();
  const future<int> g{std::move(f)};
  EXPECT_FALSE(f.valid());
  EXPECT_TRUE(g.valid());
}

TEST(FutureConformance, timed_waits_are_not_early_and_not_late) {
  sim world{1};
  promise<int> p;
  future<int> f = p.get_future();
  std::optional<std::future_status> for_fiber, until_thread;
  const auto begin = world.now();
  world.spawn([&] { for_fiber = f.wait_for(5ms); });
  world.thread([&] { until_thread = f.wait_until(begin + 5ms); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(for_fiber, std::future_status::timeout);
  EXPECT_EQ(until_thread, std::future_status::timeout);
}

TEST(FutureConformanceDeathTest, an_empty_future_waits_for_nothing) {
  EXPECT_DEATH(future<int>{}.wait(), "waits for nothing");
  EXPECT_DEATH((void)future<int>{}.get(), "waits for nothing");
  EXPECT_DEATH(promise<int>{}.set_exception(nullptr), "no exception");
}

// --- what is weft's own

TEST(Future, gives_up_at_the_deadline_and_stays_as_it_was) {
  sim world{1};
  promise<int> p;
  future<int> f = p.get_future();
  result<int> early = 0, late = 0;
  result<void> waited;
  world.spawn([&] {
    early = f.get(world.in(5ms));
    waited = f.wait(0s);
    late = f.get(world.in(1s));
  });
  world.advance(4ms);
  EXPECT_TRUE(early);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 1u);
  EXPECT_EQ(early.error(), errc::deadline_exceeded);
  EXPECT_EQ(waited.error(), errc::deadline_exceeded);
  p.set_value(7);
  world.run();
  EXPECT_EQ(late.value(), 7);
  EXPECT_FALSE(f.valid());
}

TEST(Future, a_stop_ends_the_cancellable_wait_only) {
  sim world{1};
  promise<int> p, q;
  future<int> f = p.get_future(), g = q.get_future();
  auto cancellable = world.rt().spawn([&] { return f.get(deadline::never()); });
  auto deaf = world.rt().spawn([&] { return g.get(); });
  world.advance(1ms);
  (void)cancellable.request_stop();
  (void)deaf.request_stop();
  EXPECT_EQ(cancellable.join().error(), errc::canceled);
  EXPECT_TRUE(f.valid());
  world.advance(1ms);
  EXPECT_EQ(deaf.join(deadline::past()).error(), errc::deadline_exceeded);
  q.set_value(3);
  EXPECT_EQ(deaf.join(), 3);
}

TEST(Future, of_a_result_gives_that_result) {
  sim world{1};
  promise<result<int>> p;
  future<result<int>> f = p.get_future();
  p.set_value(std::unexpected(errc::protocol));
  static_assert(std::is_same_v<decltype(f.get(1s)), result<int>>);
  EXPECT_EQ(f.get(1s).error(), errc::protocol);
}

TEST(Future, several_may_wait) {
  sim world{1};
  promise<void> p;
  future<void> f = p.get_future();
  int through = 0;
  for (int i = 0; i < 2; ++i) {
    world.spawn([&] { f.wait(), ++through; });
    world.thread([&] { f.wait(), ++through; });
  }
  EXPECT_EQ(world.parked(), 4u);
  p.set_value();
  world.run();
  EXPECT_EQ(through, 4);
}

TEST(Future, outlives_neither_end_when_both_are_gone) {
  sim world{1};
  const auto counted = std::make_shared<int>(1);
  {
    promise<std::shared_ptr<int>> p;
    p.set_value(counted);
    EXPECT_EQ(counted.use_count(), 2);
  }
  EXPECT_EQ(counted.use_count(), 1) << "nobody asked for the future";
  {
    promise<std::shared_ptr<int>> p;
    (void)p.get_future();
    p.set_value(counted);
  }
  EXPECT_EQ(counted.use_count(), 1) << "the future went first";
}

// --- std::future

TEST(Adopt, waits_for_a_std_future_while_the_worker_goes_on) {
  sim world{1};
  event asked;
  std::promise<int> p;
  p.set_value(4);
  world.spawn([&] { EXPECT_EQ(adopt(p.get_future()).get(), 4); });
  world.spawn([&] {
    // Deferred: who waits runs it, on the pool's thread, while this fiber's worker serves the other.
    future<int> f = adopt(std::async(std::launch::deferred, [&] {
      EXPECT_EQ(detail::worker::current(), nullptr);
      EXPECT_TRUE(asked.wait());
      return 5;
    }));
    EXPECT_EQ(f.get(0s).error(), errc::deadline_exceeded);
    asked.set();
    EXPECT_EQ(f.get(), 5);
    adopt(std::async(std::launch::deferred, [] {})).get();
    EXPECT_THROW(adopt(std::async(std::launch::deferred, []() -> int { throw 5; })).get(), int);
  });
  world.run();
}

TEST(Adopt, says_so_when_the_queue_is_full) {
  sim world{1};
  options o;
  o.workers = 1;
  o.spin = 0ns;
  o.overflow_report = false;
  o.blocking_threads_max = 1;
  o.blocking_queue_max = 1;
  runtime rt{o};
  event began, over;
  rt.block_on([&] {
    future<void> running = adopt(std::async(std::launch::deferred, [&] { began.set(), (void)over.wait(); }));
    EXPECT_TRUE(began.wait());
    future<int> queued = adopt(std::async(std::launch::deferred, [] { return 1; }));
    future<int> refused = adopt(std::async(std::launch::deferred, [] { return 2; }));
    try {
      (void)refused.get();
      ADD_FAILURE() << "did not throw";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), errc::limit);
    }
    over.set();
    running.get();
    EXPECT_EQ(queued.get(), 1);
  });
}

// --- every interleaving

/// A value that shows whether somebody still has it.
struct counted {
  explicit counted(int n_) : n{n_} { ++alive; }
  counted(counted&& other) noexcept : n{other.n} { ++alive; }
  ~counted() { --alive; }

  int n;
  static inline int alive;
};

// One gives, one waits, in every way, each a fiber or a thread; both ends die as soon as their owner has
// done.
void give_and_take(sim& world) {
  counted::alive = 0;
  promise<counted> given;
  future<counted> taken = given.get_future();
  int data = 0;
  const std::uint64_t gift = world.random(4), how = world.random(5);
  const deadline soon = world.in(1ms);
  auto gives = [&, gift, p = std::move(given)]() mutable {
    if (gift == 3) {  // no sooner than the deadline
      event never;
      (void)never.wait(soon);
    }
    data = 1;
    if (gift == 1) p.set_exception(std::make_exception_ptr(7));
    else if (gift != 2) p.set_value(counted{7});
    [[maybe_unused]] const promise<counted> dies = std::move(p);
  };
  auto waits = [&, gift, how, given_to = std::move(taken)]() mutable {
    future<counted> f = std::move(given_to);  // ends here, however that ends
    try {
      if (how == 1) {
        for (;;) {
          const result<counted> r = f.get(world.random(2) == 0 ? soon : deadline::past());
          if (r) {
            world.check(r->n == 7 && (gift == 0 || gift == 3), "another value");
            break;
          }
          world.check(r.error() == errc::deadline_exceeded || r.error() == errc::canceled, "the wrong error");
          if (soon.expired() || r.error() == errc::canceled) return;
        }
      } else if (how == 2) {
        if (f.wait_for(world.random(2) == 0 ? 1ms : 0ms) == std::future_status::timeout) return;
        world.check(f.get().n == 7, "another value");
      } else if (how == 3) {
        return;  // leaves it
      } else if (how == 4) {
        const result<counted> r = f.get(deadline::never());
        if (!r) return world.check(r.error() == errc::canceled, "the wrong error");
        world.check(r->n == 7, "another value");
      } else {
        world.check(f.get().n == 7, "another value");
      }
      world.check(gift == 0 || gift == 3, "a value that nobody gave");
    } catch (int n) {
      world.check(n == 7 && gift == 1, "an exception that nobody gave");
    } catch (const std::future_error&) {
      world.check(gift == 2, "broken, though it was kept");
    }
    world.check(data == 1, "does not see what was written before");
  };
  const bool fiber_gives = world.random(2) == 0, fiber_waits = world.random(2) == 0;
  if (fiber_gives) world.spawn(std::move(gives), "gives");
  else world.thread(std::move(gives), "gives");
  if (!fiber_waits) {
    world.thread(std::move(waits), "waits");
    world.run();
    return world.check(counted::alive == 0, "the state was not let go");
  }
  auto t = world.rt().spawn(std::move(waits));
  world.thread([&, how] {
    if (how == 1 || how == 4) (void)t.request_stop();
    t.join();
  });
  world.run();
  world.check(counted::alive == 0, "the state was not let go");
}

TEST(Future, gives_what_was_promised_in_every_interleaving) { explore(seeds, give_and_take, {.workers = 2}); }

// Several promise-givers race, and several wait: one wins, and all see the same.
void race(sim& world) {
  promise<int> p;
  future<int> f = p.get_future();
  int won = 0, winner = 0, lost = 0;
  for (int i = 1; i <= 2; ++i) {
    world.thread([&, i] {
      try {
        p.set_value(i);
        ++won;
        winner = i;
      } catch (const std::future_error&) {
        ++lost;
      }
    });
  }
  const deadline soon = world.in(1ms);
  for (int i = 0; i < 2; ++i) {
    world.spawn([&] { f.wait(); });
    world.thread([&] { (void)f.wait(world.random(2) == 0 ? soon : deadline::never()); });
  }
  world.run();
  world.check(won == 1 && lost == 1, "not exactly one has won");
  world.check(f.get() == winner, "not the winner's value");
}

TEST(Future, exactly_one_giver_wins) { explore(seeds, race, {.workers = 2}); }

// A std::future that gets its value, or an exception, from the pool's thread, at any moment of the wait for
// it, which a deadline or a stop may end; afterwards, or at once, the adopted one may be left alone.
void adopt_and_take(sim& world) {
  const bool throws = world.random(3) == 0, stops = world.random(2) == 0;
  const deadline soon = world.in(1ms);
  event gate;
  int runs = 0, data = 0, given = 0;
  const auto makes = [&]() -> int {
    ++runs;
    world.check(gate.wait().has_value(), "wait() failed");
    world.check(data == 1, "does not see what was written before");
    if (throws) throw 7;
    return 5;
  };
  auto t = world.rt().spawn([&] {
    future<int> f = adopt(std::async(std::launch::deferred, makes));
    const auto how = world.random(4);
    if (how == 3) return;  // leaves it
    try {
      if (how == 1) {
        const deadline until = world.random(2) == 0 ? soon : deadline::past();
        const result<int> r = f.get(until);
        if (r) return world.check(*r == 5 && !throws && ++given == 1, "another value");
        world.check((r.error() == errc::deadline_exceeded && until.expired()) ||
                        (r.error() == errc::canceled && stops),
                    "the wrong error");
      } else if (how == 2) {
        const result<int> r = f.get(deadline::never());
        if (r) return world.check(*r == 5 && !throws && ++given == 1, "another value");
        world.check(r.error() == errc::canceled && stops, "canceled by nobody");
      }
      // Nothing was taken by a wait that gave up.
      world.check(f.get() == 5 && !throws && ++given == 1, "another value");
    } catch (int n) {
      world.check(n == 7 && throws && ++given == 1, "an exception that nobody threw");
    }
    world.check(given == 1, "neither value nor exception");
  });
  const auto opens = [&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(soon);
    data = 1;
    gate.set();
  };
  if (world.random(2) == 0) world.spawn(opens, "opens");
  else world.thread(opens, "opens");
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(soon);
    if (stops) (void)t.request_stop();
    t.join();
  });
  world.run();
  world.advance(1ms);  // what was left alone
  world.check(runs == 1, "it did not run once");
}

TEST(Adopt, gives_what_the_std_future_gets_in_every_interleaving) {
  explore(seeds, adopt_and_take, {.workers = 2});
}

TEST(Future, every_operation_is_needed) {
  const auto all = [](sim& world) {
    give_and_take(world);
    race(world);
  };
  expect_mutations_found("future_state.hpp", seeds, all, {}, {.workers = 2});
}

}  // namespace
}  // namespace weft

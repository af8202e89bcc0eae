// blocking() and spawn_blocking() in simulated worlds, where the threads of the pool are simulated too: where
// f runs, how its outcome comes back, and what gives up while it is queued.
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/with_stop.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// A pool of one thread, so that a second call is queued while the first runs.
options one_thread(unsigned workers = 1, std::size_t queue = 100) {
  options o;
  o.workers = workers;
  o.spin = 0ns;
  o.overflow_report = false;
  o.blocking_threads_max = 1;
  o.blocking_queue_max = queue;
  return o;
}

// Keeps the pool's only thread busy until it is let go.
struct blocker {
  explicit blocker(runtime& on)
      : call{on.spawn([this] {
          blocking([this] {
            began.set();
            (void)over.wait();
          });
        })} {
    (void)began.wait();
  }

  void let_go() {
    over.set();
    call.join();
  }

  event began, over;
  task<void> call;
};

// --- what comes back

TEST(Blocking, gives_what_f_gives) {
  sim world{1};
  int n = 5;
  world.spawn([&] {
    EXPECT_EQ(blocking([] { return 42; }), 42);
    EXPECT_EQ(&blocking([&]() -> int& { return n; }), &n);
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(7); }), 7);
    EXPECT_EQ(blocking([]() -> const std::string { return "text"; }), "text");
    bool ran = false;
    blocking([&] { ran = true; });
    EXPECT_TRUE(ran);
    EXPECT_EQ(blocking([]() -> result<int> { return 3; }).value(), 3);
    EXPECT_EQ(blocking([]() -> result<int> { return std::unexpected(errc::protocol); }).error(),
              errc::protocol);
  });
  world.run();
}

TEST(Blocking, gives_what_f_gives_with_a_deadline_too) {
  sim world{1};
  world.spawn([&] {
    EXPECT_EQ(blocking([] { return 42; }, world.in(1s)).value(), 42);
    EXPECT_TRUE(blocking([] {}, deadline::never()));
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(7); }, world.in(1s)).value(), 7);
    static_assert(std::is_same_v<decltype(blocking([]() -> result<int> { return 1; }, 1s)), result<int>>);
    EXPECT_EQ(blocking([]() -> result<int> { return std::unexpected(errc::protocol); }, 1s).error(),
              errc::protocol);
  });
  world.run();
}

TEST(Blocking, rethrows_what_f_throws) {
  sim world{1};
  world.spawn([] {
    EXPECT_THROW(blocking([] { throw std::runtime_error{"out of luck"}; }), std::runtime_error);
    EXPECT_THROW((void)blocking([]() -> int { throw 5; }, 1s), int);
  });
  world.run();
}

TEST(Blocking, runs_f_where_it_holds_up_no_fiber) {
  sim world{1};
  event asked, answered;
  bool elsewhere = false;
  world.spawn([&] {
    blocking([&] {
      elsewhere = detail::worker::current() == nullptr;
      asked.set();
      EXPECT_TRUE(answered.wait());  // from a fiber of the only worker
    });
  });
  world.spawn([&] {
    EXPECT_TRUE(asked.wait());
    answered.set();
  });
  world.run();
  EXPECT_TRUE(elsewhere);
}

TEST(Blocking, on_a_foreign_thread_is_a_call) {
  sim world{1};
  world.thread([] {
    const auto self = detail::parker::of_this_thread().outcome();
    EXPECT_EQ(blocking([] { return 1; }), 1);
    EXPECT_EQ(blocking([] { return 2; }, 1s).value(), 2);
    EXPECT_TRUE(blocking([] {}, 1s));
    EXPECT_EQ(blocking([] { return 2; }, 0s).error(), errc::deadline_exceeded);
    EXPECT_EQ(detail::parker::of_this_thread().outcome(), self);
  });
  world.run();
}

// --- limits

TEST(Blocking, says_so_when_the_queue_is_full) {
  sim world{1};
  runtime rt{one_thread(1, /*queue=*/1)};
  blocker busy{rt};
  task<int> queued = rt.spawn([] { return blocking([] { return 1; }); });
  world.advance(1ms);
  bool ran = false;
  rt.block_on([&] {
    EXPECT_EQ(blocking([&] { ran = true; }, deadline::never()).error(), errc::limit);
    EXPECT_EQ(blocking([&]() -> result<void> { return ran = true, result<void>{}; }).error(), errc::limit);
    try {
      blocking([&] { ran = true; });
      ADD_FAILURE() << "did not throw";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code(), errc::limit);
    }
    EXPECT_EQ(spawn_blocking([&]() -> result<void> { return ran = true, result<void>{}; }).join().error(),
              errc::limit);
  });
  EXPECT_FALSE(ran);
  busy.let_go();
  EXPECT_EQ(queued.join(), 1);
}

// --- giving up

TEST(Blocking, gives_up_at_the_deadline_while_f_is_queued) {
  sim world{1};
  runtime rt{one_thread()};
  blocker busy{rt};
  bool ran = false;
  result<void> got;
  const auto begin = world.now();
  rt.block_on([&] { got = blocking([&] { ran = true; }, world.in(5ms)); });
  EXPECT_EQ(got.error(), errc::deadline_exceeded);
  EXPECT_GE(world.now() - begin, 5ms);
  EXPECT_LT(world.now() - begin, 6ms);
  busy.let_go();
  EXPECT_FALSE(ran);
}

TEST(Blocking, waits_for_f_once_it_runs) {
  sim world{1};
  event over;
  result<int> late = 0, stopped = 0;
  world.spawn([&] { late = blocking([&] { return (void)over.wait(), 1; }, world.in(1ms)); });
  auto t =
      world.rt().spawn([&] { stopped = blocking([&] { return (void)over.wait(), 2; }, deadline::never()); });
  world.advance(2ms);
  (void)t.request_stop();
  world.advance(2ms);
  EXPECT_EQ(world.parked(), 1u);
  over.set();
  world.run();
  t.join();
  EXPECT_EQ(late.value(), 1);
  EXPECT_EQ(stopped.value(), 2);
}

TEST(Blocking, a_deadline_that_has_passed_lets_nothing_run) {
  sim world{1};
  world.spawn([&] {
    bool ran = false;
    EXPECT_EQ(blocking([&] { ran = true; }, 0s).error(), errc::deadline_exceeded);
    with_deadline(0s, [&] {
      EXPECT_EQ(blocking([&] { ran = true; }, deadline::never()).error(), errc::deadline_exceeded);
    });
    EXPECT_FALSE(ran);
    with_deadline(0s, [&] { blocking([&] { ran = true; }); });
    EXPECT_TRUE(ran) << "what has no error to give is no cancellation point";
  });
  world.run();
}

TEST(Blocking, the_callers_deadline_ends_the_wait_in_the_queue) {
  sim world{1};
  runtime rt{one_thread()};
  blocker busy{rt};
  rt.block_on([&] {
    const auto begin = world.now();
    with_deadline(3ms,
                  [&] { EXPECT_EQ(blocking([] {}, deadline::never()).error(), errc::deadline_exceeded); });
    EXPECT_GE(world.now() - begin, 3ms);
  });
  busy.let_go();
}

TEST(Blocking, a_stop_ends_the_wait_in_the_queue) {
  sim world{1};
  runtime rt{one_thread()};
  blocker busy{rt};
  int ran = 0;
  auto cancellable = rt.spawn([&] { return blocking([&] { ran += 1; }, deadline::never()); });
  auto deaf = rt.spawn([&] { blocking([&] { ran += 10; }); });
  auto shielded = rt.spawn([&] {
    return with_shield(deadline::never(), [&] { return blocking([&] { ran += 100; }, deadline::never()); });
  });
  world.advance(1ms);
  (void)cancellable.request_stop();
  (void)deaf.request_stop();
  (void)shielded.request_stop();
  EXPECT_EQ(cancellable.join().error(), errc::canceled);
  world.advance(1ms);
  EXPECT_EQ(deaf.join(deadline::past()).error(), errc::deadline_exceeded);
  busy.let_go();
  deaf.join();
  EXPECT_TRUE(shielded.join());
  EXPECT_EQ(ran, 110);
}

TEST(Blocking, a_stopped_fiber_begins_nothing) {
  sim world{1};
  bool ran = false;
  world.rt().block_on([&] {
    auto t = spawn([&] { return blocking([&] { ran = true; }, deadline::never()); });
    (void)t.request_stop();
    EXPECT_EQ(t.join().error(), errc::canceled);
  });
  EXPECT_FALSE(ran);
}

// --- spawn_blocking

TEST(SpawnBlocking, gives_a_task_of_what_f_gives) {
  sim world{1};
  world.spawn([] {
    EXPECT_EQ(spawn_blocking([] { return 42; }).join(), 42);
    spawn_blocking([] {}).join();
    auto counted = std::make_shared<int>(1);
    auto t = spawn_blocking([counted] { return *counted; });
    EXPECT_EQ(t.join(), 1);
    EXPECT_EQ(counted.use_count(), 1) << "the captures live on";
    EXPECT_THROW(spawn_blocking([] { throw 5; }).join(), int);
    EXPECT_EQ(spawn_blocking([p = std::make_unique<int>(3)] { return *p; }).join(), 3);
  });
  world.run();
}

TEST(SpawnBlocking, a_stop_reaches_what_asks_for_it) {
  sim world{1};
  event began;
  bool told = false;
  world.rt().block_on([&] {
    auto t = spawn_blocking([&](std::stop_token stop) {
      began.set();
      while (!stop.stop_requested()) detail::spin_pause();
      told = true;
    });
    (void)began.wait();
    (void)t.request_stop();
    t.join();
  });
  EXPECT_TRUE(told);
}

TEST(SpawnBlocking, a_stop_in_the_queue_is_the_error_of_an_f_that_can_have_one) {
  sim world{1};
  runtime rt{one_thread()};
  blocker busy{rt};
  int ran = 0;
  rt.block_on([&] {
    auto fallible = spawn_blocking([&]() -> result<void> { return ran += 1, result<void>{}; });
    auto deaf = spawn_blocking([&] { ran += 10; });
    (void)fallible.request_stop();
    EXPECT_EQ(fallible.join().error(), errc::canceled);
    (void)deaf.request_stop();
    busy.over.set();
    deaf.join();
  });
  busy.call.join();
  EXPECT_EQ(ran, 10);
}

TEST(SpawnBlocking, the_end_of_the_runtime_waits_for_what_was_detached) {
  sim world{1};
  int ran = 0;
  {
    runtime rt{one_thread()};
    rt.block_on([&] {
      for (int i = 0; i < 3; ++i) spawn_blocking([&] { ++ran; }).detach();
    });
  }
  EXPECT_EQ(ran, 3);
}

// --- every interleaving

// Calls of every kind on a pool of one or two threads, with deadlines and stops: who gets a value has had f
// run, once; who gets an error has not, and it never will.
void call_in_every_way(sim& world) {
  options o = one_thread(1 + static_cast<unsigned>(world.random(2)), /*queue=*/1 + world.random(3));
  o.blocking_threads_max = 1 + world.random(2);
  o.blocking_idle = world.random(2) == 0 ? 0ns : std::chrono::nanoseconds{10s};
  constexpr int callers = 4;
  int runs[callers] = {};
  bool expected[callers] = {};
  {
    runtime rt{o};
    std::vector<task<void>> tasks;
    const deadline soon = world.in(1ms);
    for (int i = 0; i < callers; ++i) {
      const std::uint64_t how = world.random(4);
      tasks.push_back(rt.spawn([&, i, how] {
        const auto f = [&, i] {
          world.interleave();
          return ++runs[i];
        };
        if (how == 0) {
          try {
            expected[i] = blocking(f) == 1;
          } catch (const std::system_error& e) {
            world.check(e.code() == errc::limit, "the wrong exception");
          }
          return;
        }
        const result<int> r = blocking(f, how == 1 ? deadline::never() : how == 2 ? soon : world.in(0ms));
        if (r) expected[i] = *r == 1;
        else
          world.check(
              r.error() == errc::limit || r.error() == errc::canceled || r.error() == errc::deadline_exceeded,
              "the wrong error");
      }));
    }
    const std::uint64_t victim = world.random(callers);
    world.thread([&, victim] {
      (void)tasks[victim].request_stop();
      tasks[victim].join();
    });
    for (std::size_t i = 0; i < callers; ++i)
      if (i != victim) tasks[i].join();
    world.run();
  }
  for (int i = 0; i < callers; ++i)
    world.check(runs[i] == (expected[i] ? 1 : 0), "an error, and f ran; or a loss");
}

TEST(Blocking, runs_what_it_says_it_ran_in_every_interleaving) { explore(seeds, call_in_every_way); }

// The pool ends with its runtime while calls are queued, and f uses the caller's stack till its end.
void end_with_calls(sim& world) {
  int ran = 0;
  {
    runtime rt{one_thread(1 + static_cast<unsigned>(world.random(2)))};
    for (int i = 0; i < 2; ++i)
      rt.go(
          [&] {
            int here = 0;
            blocking([&] {
              world.interleave();
              here = 1;
            });
            ran += here;
          },
          {.worker = 0});
    rt.go([&] {
      bool began = false;
      const auto r = blocking([&] { began = true; }, deadline::never());
      world.check(r.has_value() == began, "f ran and it says not, or the other way");
      if (!r) world.check(r.error() == errc::canceled, "the wrong error");
    });
  }
  world.check(ran == 2, "a call that cannot fail was lost");
}

TEST(Blocking, the_end_of_the_runtime_lets_calls_end) { explore(seeds, end_with_calls); }

TEST(Blocking, every_operation_is_needed) {
  const auto all = [](sim& world) {
    call_in_every_way(world);
    end_with_calls(world);
  };
  expect_mutations_found({"parker.hpp", "end("}, seeds, all);
}

}  // namespace
}  // namespace weft

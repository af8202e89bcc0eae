// join_set, race() and when_all() in simulated worlds: which results come out, what a stop does, and the end.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/race.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/when_all.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

const std::error_code broken = std::make_error_code(std::errc::broken_pipe);

// Runs `f` in a fiber of a world with one worker, for as long as it takes.
template <class F>
void on_a_fiber(F f, simulator_options o = {}) {
  sim world{1, o};
  world.spawn([&] { f(world); });
  world.run();
}

template <class T>
result<T> fail(std::error_code error) {
  return std::unexpected(error);
}

// --- join_set

TEST(JoinSet, gives_results_in_the_order_of_ending) {
  on_a_fiber([](sim&) {
    join_set<int> set;
    EXPECT_FALSE(set.join_next().has_value());
    for (int i = 3; i != 0; --i)
      set.spawn([i] {
        (void)this_fiber::sleep_for(i * 1ms);
        return i;
      });
    set.spawn([]() -> result<int> { return fail<int>(broken); });
    EXPECT_EQ(set.size(), 4u);
    EXPECT_EQ(set.join_next()->error(), broken);  // a failure stops nobody
    for (int i = 1; i <= 3; ++i) EXPECT_EQ(set.join_next().value(), i);
    EXPECT_EQ(set.size(), 0u);
    EXPECT_FALSE(set.join_next().has_value());
    set.spawn([] { return 7; });
    EXPECT_EQ(set.join_next().value(), 7);
  });
}

TEST(JoinSet, gives_results_that_only_move_and_none_at_all) {
  on_a_fiber([](sim&) {
    join_set<std::unique_ptr<std::string>> set;
    auto text = std::make_unique<std::string>(500, 'x');
    set.spawn([t = std::move(text)]() mutable { return std::move(t); });
    set.spawn([large = std::string(200, 'y'), more = std::vector<int>(9)] {
      return std::make_unique<std::string>(large + std::to_string(more.size()));
    });
    EXPECT_EQ((**set.join_next())->size(), 500u);
    EXPECT_EQ((**set.join_next())->size(), 201u);

    join_set<void> plain;
    int ran = 0;
    plain.spawn([&] { ++ran; });
    plain.spawn([&]() -> result<void> { return ++ran, result<void>{}; });
    plain.spawn([]() -> result<void> { return fail<void>(broken); });
    const std::vector<result<void>> all = plain.join_all();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_TRUE(all[0] && all[1]);
    EXPECT_EQ(all[2].error(), broken);
    EXPECT_EQ(ran, 2);
  });
}

TEST(JoinSet, rethrows_what_a_child_has_thrown) {
  on_a_fiber([](sim&) {
    join_set<int> set;
    set.spawn([]() -> int { throw 5; });
    set.spawn([] { return 6; });
    EXPECT_THROW((void)set.join_next(), int);
    EXPECT_EQ(set.join_next().value(), 6);
    set.spawn([] { return 1; });
    set.spawn([]() -> int { throw 5; });
    set.spawn([] { return 2; });
    EXPECT_THROW((void)set.join_all(), int);
    EXPECT_EQ(set.size(), 0u);
  });
}

/// One of its moves throws, and its destructor lets others run.
struct hard_to_keep {
  explicit hard_to_keep(int moves_) : moves_left{moves_} { ++alive; }
  hard_to_keep(hard_to_keep&& other) : moves_left{other.moves_left - 1} {
    if (moves_left == 0) throw std::runtime_error{"not moved"};
    ++alive;
  }
  hard_to_keep& operator=(hard_to_keep&&) = delete;
  ~hard_to_keep() {
    this_fiber::yield();
    --alive;
  }
  int moves_left;
  static inline int alive = 0;
};

TEST(JoinSet, a_result_that_cannot_be_kept_is_gone_before_the_join) {
  on_a_fiber([](sim&) {
    int kept = 0;
    for (int moves = 1; kept == 0; ++moves) {
      join_set<hard_to_keep> set;
      set.spawn([moves] { return hard_to_keep{moves}; });
      try {
        (void)set.join_next();
        ++kept;
      } catch (const std::runtime_error&) {
        EXPECT_EQ(hard_to_keep::alive, 0) << "at move " << moves;
      }
    }
  });
}

TEST(JoinSet, gives_up_at_the_deadline_and_not_before) {
  on_a_fiber([](sim& world) {
    join_set<int> set;
    event gate;
    set.spawn([&] { return gate.wait() ? 1 : 0; });
    const auto begin = world.now();
    EXPECT_EQ(set.join_next(5ms).error(), errc::deadline_exceeded);
    EXPECT_GE(world.now() - begin, 5ms);
    EXPECT_EQ(set.size(), 1u);
    gate.set();
    EXPECT_EQ(set.join_next(5ms).value()->value(), 1);
    EXPECT_FALSE(set.join_next(5ms).value().has_value());
  });
}

TEST(JoinSet, its_end_stops_the_children_and_waits) {
  on_a_fiber([](sim&) {
    event never;
    int canceled = 0;
    {
      join_set<void> set;
      for (int i = 0; i < 3; ++i)
        set.spawn([&]() -> result<void> {
          const result<void> r = never.wait();
          canceled += !r && r.error() == errc::canceled && this_fiber::stop_reason() == stop_reason::parent;
          return r;
        });
      this_fiber::yield();
    }
    EXPECT_EQ(canceled, 3);
  });
}

TEST(JoinSet, a_canceled_joiner_passes_the_stop_on_and_waits) {
  sim world{1};
  event never;
  auto t = world.rt().spawn([&] {
    join_set<int> set;
    set.spawn([&] { return never.wait() ? 1 : 2; });
    set.spawn([&] { return never.wait() ? 1 : 2; });
    EXPECT_EQ(set.join_next(deadline::never()).error(), errc::canceled);  // this one does not
    EXPECT_EQ(set.join_next().value(), 2);
    EXPECT_EQ(set.join_next().value(), 2);
  });
  world.advance(1ms);
  EXPECT_TRUE(t.request_stop());
  t.join();
}

TEST(JoinSet, request_stop_and_deadlines_reach_the_children) {
  on_a_fiber([](sim&) {
    event never;
    with_deadline(2ms, [&] {
      join_set<void> set;
      set.spawn([&]() -> result<void> { return never.wait(); });
      EXPECT_EQ(set.join_next()->error(), errc::deadline_exceeded);
    });
    join_set<void> set;
    std::stop_source source;
    set.spawn([&]() -> result<void> { return never.wait(); }, {.stop = source.get_token()});
    set.spawn([&]() -> result<void> { return never.wait(); });
    this_fiber::yield();
    source.request_stop();
    EXPECT_EQ(set.join_next()->error(), errc::canceled);
    EXPECT_EQ(set.join_next(1ms).error(), errc::deadline_exceeded);
    set.request_stop();
    EXPECT_EQ(set.join_next()->error(), errc::canceled);
  });
}

// --- race

TEST(Race, gives_the_first_success_and_stops_the_others) {
  on_a_fiber([](sim& world) {
    const auto begin = world.now();
    result<void> loser;
    const result<int> r = race([]() -> result<int> { return fail<int>(broken); },
                               [] {
                                 (void)this_fiber::sleep_for(2ms);
                                 return 7;
                               },
                               [&] {
                                 loser = this_fiber::sleep_for(1h);
                                 return 8;
                               });
    EXPECT_EQ(r, 7);
    EXPECT_EQ(loser.error(), errc::canceled);
    EXPECT_LT(world.now() - begin, 4ms);
  });
}

TEST(Race, without_a_success_gives_the_last_failure) {
  on_a_fiber([](sim&) {
    const auto late = [] {
      (void)this_fiber::sleep_for(1ms);
      return fail<int>(broken);
    };
    EXPECT_EQ(race([]() -> result<int> { throw 1; }, late).error(), broken);
    EXPECT_THROW((void)race([] { return fail<int>(broken); },
                            []() -> result<int> {
                              (void)this_fiber::sleep_for(1ms);
                              throw 1;
                            }),
                 int);
    EXPECT_TRUE(race([] {}, []() -> result<void> { return fail<void>(broken); }));
  });
}

TEST(Race, a_stop_of_the_caller_stops_all) {
  sim world{1};
  auto t = world.rt().spawn([] {
    const auto sleeps = []() -> result<void> { return this_fiber::sleep_for(1h); };
    return race(sleeps, sleeps);
  });
  world.advance(1ms);
  EXPECT_TRUE(t.request_stop());
  EXPECT_EQ(t.join().error(), errc::canceled);
}

// --- when_all

TEST(WhenAll, gives_every_result_in_its_place) {
  on_a_fiber([](sim&) {
    auto one = spawn([] {
      (void)this_fiber::sleep_for(2ms);
      return 1;
    });
    auto two = spawn([]() -> result<std::string> { return "two"; });
    auto three = spawn([]() -> result<void> { return fail<void>(broken); });
    auto four = spawn([] {});
    const auto [a, b, c, d] = when_all(one, two, three, four);
    EXPECT_EQ(a, 1);
    EXPECT_EQ(b, "two");
    EXPECT_EQ(c.error(), broken);
    EXPECT_TRUE(d);
    EXPECT_FALSE(one.joinable() || two.joinable() || three.joinable() || four.joinable());
  });
}

TEST(WhenAll, rethrows_once_all_have_ended) {
  on_a_fiber([](sim&) {
    bool ended = false;
    auto one = spawn([]() -> int { throw 1; });
    auto two = spawn([&] { ended = this_fiber::sleep_for(2ms).has_value(); });
    EXPECT_THROW((void)when_all(one, two), int);
    EXPECT_TRUE(ended);
    EXPECT_FALSE(one.joinable());
    EXPECT_TRUE(two.joinable());
    two.join();
  });
}

TEST(WhenAll, leaves_what_still_runs_to_a_canceled_caller) {
  sim world{1};
  auto t = world.rt().spawn([] {
    auto quick = spawn([] { return 1; });
    auto slow = spawn([] { return this_fiber::sleep_for(3ms).has_value(); });
    const auto [a, b] = when_all(quick, slow);
    EXPECT_EQ(a, 1);
    EXPECT_EQ(b.error(), errc::canceled);
    EXPECT_TRUE(slow.joinable());
  });
  world.advance(1ms);
  EXPECT_TRUE(t.request_stop());
  t.join();
}

// --- every interleaving

// Joins that give up, and come again, while children end on both workers; the set goes at once when it is
// empty, or before that.
void joins_give_up(sim& world) {
  const deadline until = world.in(world.random(3) != 0 ? 0ms : 1ms);
  const bool may_rest = until > world.now();
  const int children = 1 + static_cast<int>(world.random(3));
  const bool drops = world.random(4) == 0;
  int ran = 0;
  const auto joins = [&](join_set<int>& set) {
    unsigned seen = 0;
    for (int left = children; left != 0;) {
      if (drops && left == 1) return;
      world.check(set.size() == static_cast<std::size_t>(left), "the wrong size");
      std::optional<result<int>> one;
      if (world.random(2) == 0) {
        const auto r = set.join_next(until);
        if (!r) {
          world.check(r.error() == errc::deadline_exceeded && until.expired(), "too early");
          continue;
        }
        one = *r;
      } else {
        one = set.join_next();
      }
      world.check(one.has_value() && one->has_value(), "a result is missing");
      world.check((seen & 1u << **one) == 0, "a result came twice");
      seen |= 1u << **one;
      --left;
    }
    world.check(!set.join_next().has_value(), "a result too many");
  };
  const auto owns = [&] {
    auto set = std::make_unique<join_set<int>>();
    for (int i = 0; i < children; ++i)
      set->spawn([&, i] {
        event never;
        if (may_rest && world.random(2) == 0) (void)never.wait(until);
        else if (world.random(2) == 0) this_fiber::yield();
        ++ran;
        return i;
      });
    if (world.random(2) == 0) this_fiber::yield();
    joins(*set);
    destroy_and_spoil(std::move(set));
    world.check(ran == children, "a child outlived the set");
  };
  world.spawn(owns);
  world.run();
}

TEST(JoinSet, gives_each_result_once_and_may_go_then) { explore(seeds, joins_give_up, two_workers); }

// A thread takes the results, and its wait is its own frame, gone as soon as it is woken.
void a_thread_joins(sim& world) {
  std::optional<join_set<int>> set;
  event made, taken;
  world.spawn([&] {
    set.emplace();
    for (int i = 0; i < 2; ++i)
      set->spawn([&, i] {
        if (world.random(2) == 0) this_fiber::yield();
        return i;
      });
    made.set();
    world.check(taken.wait().has_value(), "wait() failed");
    set.reset();
  });
  world.thread([&] {
    world.check(made.wait().has_value(), "wait() failed");
    int sum = 0;
    while (const auto r = set->join_next()) sum += **r + 1;
    world.check(sum == 3, "a result is missing");
    taken.set();
  });
  world.run();
}

TEST(JoinSet, may_be_joined_by_a_thread) { explore(seeds, a_thread_joins, two_workers); }

// A stop that comes to the joiner at any moment reaches the children, which nothing else would end.
void stops_are_passed_on(sim& world) {
  event never;
  auto t = world.rt().spawn([&] {
    join_set<void> set;
    for (int i = 0; i < 2; ++i) set.spawn([&]() -> result<void> { return never.wait(); });
    while (const auto r = set.join_next()) world.check(r->error() == errc::canceled, "the wrong error");
  });
  world.thread([&] { (void)t.request_stop(); });
  world.run();
  t.join();
}

TEST(JoinSet, a_stop_is_not_lost) { explore(seeds, stops_are_passed_on, two_workers); }

// Two ways of which at most one succeeds, a stop of the caller, and the end of both before race() returns.
void races(sim& world) {
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  const bool succeeds = world.random(2) == 0, stops = world.random(2) == 0;
  int ended = 0;
  auto t = world.rt().spawn([&] {
    const auto tries = [&](bool wins) {
      return [&, wins]() -> result<int> {
        event never;
        const result<void> r = never.wait(until);
        ++ended;
        if (wins && r.error() == errc::deadline_exceeded) return 1;
        return fail<int>(r.error());
      };
    };
    const result<int> r = race(tries(succeeds), tries(false));
    world.check(ended == 2, "not all have ended");
    if (r) world.check(succeeds && until.expired(), "nobody has succeeded");
    else if (r.error() == errc::canceled) world.check(stops, "canceled by nobody");
    else world.check(r.error() == errc::deadline_exceeded && (!succeeds || stops), "a success was lost");
  });
  if (stops) world.thread([&] { (void)t.request_stop(); });
  world.run();
  t.join();
}

TEST(Race, ends_once_and_with_everybody) { explore(seeds, races, two_workers); }

// Tasks of which some end only when a deadline or a stop has ended the wait for all of them. Each gives its
// result once: to that wait, or to a join after it.
void some_are_awaited(sim& world) {
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  const deadline later = world.in(2ms);
  const bool limited = world.random(2) == 0, stops = world.random(2) == 0;
  auto waits = [&] {
    int ended = 0;
    const auto works = [&](int n) {
      return [&, n] {
        const auto way = world.random(4);
        if (way == 0) this_fiber::yield();
        else if (way != 1) {
          detail::wait rests{/*cancellable=*/false};
          (void)park(rests, way == 2 ? until : later, detail::park_reason::sleep);
        }
        ++ended;
        return n;
      };
    };
    auto one = world.rt().spawn(works(1));
    auto two = world.rt().spawn(works(2));
    const auto waits_for_all = [&] { return when_all(one, two); };
    const auto [a, b] = limited ? with_deadline(until, waits_for_all) : waits_for_all();
    int given = 0;
    const auto look = [&](const result<int>& r, task<int>& t, int n) {
      world.check(r.has_value() != t.joinable(), "neither a result nor a task that runs on, or both");
      if (r) return world.check(*r == n && ++given <= ended, "another result");
      if (r.error() == errc::canceled) world.check(stops, "canceled by nobody");
      else world.check(r.error() == errc::deadline_exceeded && limited && until.expired(), "the wrong error");
    };
    look(a, one, 1);
    look(b, two, 2);
    if (!limited && !stops) world.check(given == 2, "gave up for no reason");
    if (one.joinable()) world.check(one.join() == 1, "another result at the second join");
    if (two.joinable()) world.check(two.join() == 2, "another result at the second join");
    world.check(ended == 2, "joined before its end");
  };
  auto t = world.rt().spawn(waits);
  if (!stops) world.thread(waits);
  else
    world.thread([&] {
      event never;
      if (world.random(2) == 0) (void)never.wait(until);
      (void)t.request_stop();
    });
  world.run();
  t.join();
}

TEST(WhenAll, gives_up_and_loses_no_result) { explore(seeds, some_are_awaited, two_workers); }

// Tasks that end while somebody waits for all of them.
void all_are_awaited(sim& world) {
  const auto waits = [&] {
    auto one = world.rt().spawn([&] {
      if (world.random(2) == 0) this_fiber::yield();
      return 1;
    });
    auto two = world.rt().spawn([] { return 2; });
    const auto [a, b] = when_all(one, two);
    world.check(a == 1 && b == 2, "the wrong results");
  };
  world.spawn(waits);
  world.thread(waits);
  world.run();
}

TEST(WhenAll, loses_nobody) { explore(seeds, all_are_awaited, two_workers); }

TEST(JoinSet, every_operation_is_needed) {
  using enum mutation::change;
  const auto any = [](sim& world) {
    switch (world.random(4)) {
      case 0: return a_thread_joins(world);
      case 1: return stops_are_passed_on(world);
      case 2: return races(world);
      default: return joins_give_up(world);
    }
  };
  expect_mutations_found(
      "runtime/join_set_core.cpp", seeds, any,
      {{"std::uintptr_t seen = ended_.load", drop, "a first guess: the compare-exchange corrects it"}},
      two_workers);
}

}  // namespace
}  // namespace weft

// select in simulated worlds: cases of all kinds against each other, against timeouts, stops and close(), and
// the end of what they stand for.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

using parcel = std::unique_ptr<int>;  // moves only, and tells whether it was

template <class F>
void on_a_fiber(F f) {
  sim world{1};
  world.spawn([&] { f(world); });
  world.run();
}

constexpr auto nothing = [](auto&&...) {};
constexpr auto must_not_run = [](auto&&...) { ADD_FAILURE() << "the wrong body ran"; };

// --- what is ready

TEST(Select, receives_a_value_that_is_there) {
  channel<parcel> empty{1}, full{1};
  ASSERT_TRUE(full.try_send(std::make_unique<int>(7)));
  int got = 0;
  EXPECT_EQ(select(on_recv(empty, must_not_run), on_recv(full, [&](result<parcel> p) { got = **p; })), 1u);
  EXPECT_EQ(got, 7);
  EXPECT_EQ(full.size(), 0u);
}

/// As users write it who pass cases on.
template <class F>
select_case<F> if_even(int number, select_case<F> c) {
  return when(number % 2 == 0, std::move(c));
}

template <class... F>
result<std::size_t> select_or_give_up(select_case<F>... cases) {
  return select(std::move(cases)..., otherwise([] {}));
}

TEST(Select, a_case_of_any_kind_is_a_select_case_of_one_parameter) {
  channel<int> full{1};
  ASSERT_TRUE(full.try_send(7));
  event never;
  EXPECT_EQ(select_or_give_up(if_even(1, on_recv(full, must_not_run)), on_set(never, must_not_run)), 2u);
  int got = 0;
  EXPECT_EQ(select_or_give_up(if_even(2, on_recv(full, [&](result<int> n) { got = *n; }))), 0u);
  EXPECT_EQ(got, 7);
}

TEST(Select, sends_where_there_is_room_and_moves_from_that_value_only) {
  channel<parcel> room{1}, none{0};
  parcel a = std::make_unique<int>(1), b = std::make_unique<int>(2);
  EXPECT_EQ(select(on_send(none, a, must_not_run), on_send(room, b, [](result<void> r) { EXPECT_TRUE(r); })),
            1u);
  EXPECT_NE(a, nullptr);
  EXPECT_EQ(b, nullptr);
  EXPECT_EQ(**room.try_recv(), 2);
}

TEST(Select, a_closed_channel_is_always_ready) {
  channel<parcel> c{1};
  c.close();
  parcel mine = std::make_unique<int>(1);
  int bodies = 0;
  EXPECT_EQ(select(on_recv(c, [&](result<parcel> r) { bodies += !r && r.error() == errc::closed; })), 0u);
  EXPECT_EQ(select(on_send(c, mine, [&](result<void> r) { bodies += !r && r.error() == errc::closed; })), 0u);
  EXPECT_EQ(bodies, 2);
  EXPECT_NE(mine, nullptr);
}

TEST(Select, knows_what_is_open_ended_stopped_or_done) {
  on_a_fiber([](sim& world) {
    event set, unset;
    set.set();
    wait_group none, some;
    some.add();
    std::stop_source stopped, running;
    stopped.request_stop();
    auto ended = world.rt().spawn([] {});
    auto runs = world.rt().spawn([&] { (void)unset.wait(); });
    ASSERT_TRUE(this_fiber::sleep_for(1ms));
    EXPECT_EQ(select(on_set(unset, must_not_run), on_set(set, nothing)), 1u);
    EXPECT_EQ(select(on_done(some, must_not_run), on_done(none, nothing)), 1u);
    EXPECT_EQ(select(on_stop(running.get_token(), must_not_run), on_stop(stopped.get_token(), nothing)), 1u);
    EXPECT_EQ(select(on_done(runs, must_not_run), on_done(ended, nothing)), 1u);
    ended.join();
    unset.set();
    runs.join();
    some.done();
  });
}

TEST(Select, otherwise_runs_if_and_only_if_nothing_is_ready) {
  channel<int> c{1};
  EXPECT_EQ(select(on_recv(c, must_not_run), otherwise(nothing)), 1u);
  ASSERT_TRUE(c.try_send(1));
  EXPECT_EQ(select(otherwise(must_not_run), on_recv(c, nothing)), 1u);
}

TEST(Select, a_case_that_is_not_enabled_never_happens) {
  channel<int> c{1};
  ASSERT_TRUE(c.try_send(1));
  EXPECT_EQ(select(when(false, on_recv(c, must_not_run)), otherwise(nothing)), 1u);
  EXPECT_EQ(select(when(false, otherwise(must_not_run)), on_timeout(0ms, nothing),
                   when(true, when(false, on_recv(c, must_not_run)))),
            1u);
  EXPECT_EQ(c.size(), 1u);
  EXPECT_EQ(select(when(true, on_recv(c, nothing))), 0u);
}

TEST(Select, takes_any_that_is_ready_as_often_as_the_others) {
  constexpr int rounds = 30'000;
  std::array<channel<int>, 4> c{channel<int>{1}, channel<int>{1}, channel<int>{1}, channel<int>{1}};
  std::array<int, 4> chosen{};
  c[0].close();
  c[2].close();
  c[3].close();  // the second is never ready: who comes after it must not inherit its turns
  for (int i = 0; i < rounds; ++i)
    ++chosen[*select(on_recv(c[0], nothing), on_recv(c[1], nothing), on_recv(c[2], nothing),
                     on_recv(c[3], nothing))];
  EXPECT_EQ(chosen[1], 0);
  for (const std::size_t i : {0u, 2u, 3u}) EXPECT_NEAR(chosen[i], rounds / 3, rounds / 30) << i;

  std::array<int, 2> of_two{};
  for (int i = 0; i < rounds; ++i) ++of_two[*select(on_recv(c[0], nothing), on_recv(c[2], nothing))];
  EXPECT_NEAR(of_two[0], rounds / 2, rounds / 30);
}

TEST(Select, what_the_body_throws_comes_out) {
  channel<int> c{1};
  ASSERT_TRUE(c.try_send(1));
  EXPECT_THROW((void)select(on_recv(c, [](auto) { throw std::runtime_error{"thrown"}; })),
               std::runtime_error);
  EXPECT_EQ(c.size(), 0u);
}

TEST(Select, a_body_may_wait) {
  on_a_fiber([](sim&) {
    channel<int> c{1};
    int inner = 0;
    ASSERT_TRUE(c.try_send(1));
    EXPECT_EQ(select(on_recv(c,
                             [&](auto) {
                               EXPECT_TRUE(this_fiber::sleep_for(1ms));
                               EXPECT_EQ(select(on_recv(c, must_not_run), on_timeout(1ms, [&] { ++inner; })),
                                         1u);
                             })),
              0u);
    EXPECT_EQ(inner, 1);
  });
}

// --- what is waited for

TEST(Select, waits_for_whatever_comes_first) {
  sim world{1};
  channel<int> a{0}, b{0};
  event e;
  int got = 0;
  std::vector<std::size_t> chosen;
  const auto waits = [&] {
    chosen.push_back(*select(on_recv(a, [&](auto r) { got += *r; }), on_set(e, nothing),
                             on_recv(b, [&](auto r) { got += *r; })));
  };
  world.spawn(waits);
  world.thread(waits);
  world.spawn(waits);
  ASSERT_EQ(world.parked(), 3u);
  EXPECT_TRUE(b.try_send(5));
  EXPECT_EQ(world.parked(), 2u);
  EXPECT_TRUE(a.try_send(20));
  EXPECT_EQ(world.parked(), 1u);
  e.set();
  world.run();
  EXPECT_EQ(got, 25);
  EXPECT_EQ(chosen, (std::vector<std::size_t>{2, 0, 1}));
  EXPECT_EQ(a.try_send(1).error(), errc::would_block);  // the losers have left no trace
  EXPECT_EQ(b.try_send(1).error(), errc::would_block);
}

TEST(Select, a_timeout_comes_when_it_is_due_and_not_before) {
  sim world{1};
  channel<int> c{0};
  std::vector<std::size_t> chosen;
  const auto waits = [&] {
    chosen.push_back(*select(on_recv(c, must_not_run), on_timeout(world.in(9ms), must_not_run),
                             on_timeout(world.in(5ms), nothing)));
  };
  world.spawn(waits);
  world.thread(waits);
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(chosen, (std::vector<std::size_t>{2, 2}));
  EXPECT_EQ(c.try_send(1).error(), errc::would_block);
}

TEST(Select, the_callers_own_deadline_is_no_case) {
  sim world{1};
  const auto waits = [&] {
    channel<int> c{0};
    const auto late = with_deadline(world.in(1ms), [&] {
      return select(on_recv(c, must_not_run), on_timeout(world.in(5ms), must_not_run));
    });
    EXPECT_EQ(late.error(), errc::deadline_exceeded);
    const auto in_time = with_deadline(
        world.in(5ms), [&] { return select(on_recv(c, must_not_run), on_timeout(world.in(1ms), nothing)); });
    EXPECT_EQ(in_time, 1u);
  };
  world.spawn(waits);
  world.thread(waits);
  world.run();
}

TEST(Select, a_stop_ends_a_wait_but_takes_nothing_that_is_ready) {
  sim world{1};
  channel<int> c{1};
  std::vector<result<std::size_t>> got;
  auto fiber = world.rt().spawn([&] {
    got.push_back(select(on_recv(c, must_not_run), on_timeout(1h, must_not_run)));
    got.push_back(select(on_recv(c, must_not_run)));
    ASSERT_TRUE(c.try_send(1));
    got.push_back(select(on_recv(c, nothing)));
    got.push_back(select(on_recv(c, must_not_run), otherwise(nothing)));
  });
  world.advance(1ms);
  EXPECT_TRUE(fiber.request_stop());
  fiber.join();
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(got[0].error(), errc::canceled);
  EXPECT_EQ(got[1].error(), errc::canceled);
  EXPECT_EQ(got[2], 0u);
  EXPECT_EQ(got[3], 1u);
}

TEST(Select, without_any_case_waits_until_it_is_stopped) {
  sim world{1};
  result<std::size_t> got;
  auto fiber = world.rt().spawn([&] { got = select(); });
  world.advance(1ms);
  (void)fiber.request_stop();
  fiber.join();
  EXPECT_EQ(got.error(), errc::canceled);
}

TEST(Select, does_not_meet_itself) {
  sim world{1};
  channel<int> c{0};
  std::vector<std::size_t> chosen;
  int got = 0;
  const auto both = [&](int mine) {
    chosen.push_back(*select(on_recv(c, [&](result<int> r) { got += *r; }), on_send(c, mine, nothing)));
  };
  world.spawn([&] { both(1); });
  ASSERT_EQ(world.parked(), 1u);
  world.thread([&] { both(2); });
  world.run();
  std::ranges::sort(chosen);
  EXPECT_EQ(chosen, (std::vector<std::size_t>{0, 1}));
  EXPECT_TRUE(got == 1 || got == 2);
}

TEST(Select, a_task_may_be_joined_after_a_select_that_did_not_choose_it) {
  on_a_fiber([](sim& world) {
    channel<int> c{1};
    event go_on;
    auto t = world.rt().spawn([&] { return go_on.wait().has_value(); });
    EXPECT_EQ(select(on_done(t, must_not_run), on_timeout(1ms, nothing)), 1u);
    go_on.set();
    EXPECT_EQ(select(on_done(t, nothing), on_recv(c, must_not_run)), 0u);
    EXPECT_TRUE(t.join());
  });
}

TEST(Select, a_task_that_was_joined_may_stand_in_a_case_that_is_not_enabled) {
  on_a_fiber([](sim& world) {
    auto t = world.rt().spawn([] {});
    t.join();
    channel<int> c{0};
    EXPECT_EQ(select(when(t.joinable(), on_done(t, must_not_run)), on_recv(c, must_not_run),
                     on_timeout(1ms, nothing)),
              2u);
  });
}

TEST(SelectDeathTest, waiting_for_a_task_that_names_no_fiber_is_an_assertion) {
  task<void> none;
  EXPECT_DEATH((void)select(on_done(none, nothing)), "names no fiber");
}

// --- every interleaving, against a model

struct letter {
  int from = -1, number = -1;
};
using letters = channel<std::unique_ptr<letter>>;

// Six of whom each may send and receive on two channels, all at once, with timeouts of all sorts; one is
// stopped; then both channels are closed, and what is left in them is counted.
void trade(sim& world) {
  constexpr int traders = 6, each = 3;
  letters a{world.random(3)}, b{world.random(3)};
  int sent[traders][each]{}, received[traders][each]{};
  const auto due = world.in(1ms);
  int trading = traders;
  const auto take = [&](result<std::unique_ptr<letter>> r) {
    if (!r) return world.check(r.error() == errc::closed, "the wrong error");
    const letter& l = **r;
    world.check(l.from >= 0 && l.from < traders && l.number >= 0 && l.number < each, "garbage came");
    ++received[l.from][l.number];
  };
  const auto trades = [&](int who) {
    for (int i = 0; i < each; ++i) {
      auto one = std::make_unique<letter>(letter{who, i}), other = std::make_unique<letter>(letter{who, i});
      int bodies = 0;
      bool gave_one = false, gave_other = false;
      const auto r =
          select(on_recv(a, [&](auto v) { ++bodies, take(std::move(v)); }),
                 when(world.random(2) == 0,
                      on_send(a, one, [&](result<void> s) { ++bodies, gave_one = s.has_value(); })),
                 when(world.random(2) == 0, on_recv(b, [&](auto v) { ++bodies, take(std::move(v)); })),
                 on_send(b, other, [&](result<void> s) { ++bodies, gave_other = s.has_value(); }),
                 when(world.random(3) == 0,
                      on_timeout(world.random(2) == 0 ? world.in(0ns) : due, [&] { ++bodies; })));
      world.check(bodies == (r ? 1 : 0), "not exactly one body ran");
      world.check(r || r.error() == errc::canceled, "the wrong error");
      world.check(gave_one == (one == nullptr) && gave_other == (other == nullptr),
                  "a value went that was not chosen, or the reverse");
      sent[who][i] = gave_one || gave_other ? 1 : 0;
    }
    if (--trading == 0) return;
  };
  for (int t = 0; t < traders - 1; ++t) {
    if (t % 2 == 0) world.spawn([&, t] { trades(t); }, "trader");
    else world.thread([&, t] { trades(t); }, "trader");
  }
  auto stopped = world.rt().spawn([&] { trades(traders - 1); });
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    (void)stopped.request_stop();
    a.close();
    b.close();
    stopped.join();
  });
  world.run();
  for (auto* c : {&a, &b})
    while (auto left = c->try_recv()) take(std::move(left));
  for (int t = 0; t < traders; ++t)
    for (int i = 0; i < each; ++i)
      world.check(sent[t][i] == received[t][i], "a value was lost, or came twice");
}

TEST(Select, every_value_goes_to_one_who_has_chosen_it) { explore(seeds, trade, {.workers = 2}); }

// Things of all kinds come true at any time; who waits for all of them sees one of those that are true.
void first_of_all_kinds(sim& world) {
  const auto some_event = std::make_unique<event>();
  const auto some_group = std::make_unique<wait_group>();
  const auto some_channel = std::make_unique<letters>(0);
  std::stop_source source;
  some_group->add();
  std::array<bool, 6> may{};  // what may have happened: set before it is made so
  const auto due = world.in(1ms);
  // Those that end do so at about the time at which the others happen.
  const auto some_time = [&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
  };
  std::array<bool, 2> ends{world.random(2) == 0, world.random(2) == 0};
  event go_on;
  auto first = world.rt().spawn([&] { ends[0] ? some_time() : (void)go_on.wait(); });
  auto second = world.rt().spawn([&] { ends[1] ? some_time() : (void)go_on.wait(); });
  const bool timed = world.random(2) == 0;
  bool done = false;
  const auto waits = [&] {
    const auto r = select(on_set(*some_event, nothing), on_done(*some_group, nothing),
                          on_recv(*some_channel, [&](auto v) { world.check(v.has_value(), "closed"); }),
                          on_stop(source.get_token(), nothing), on_done(first, nothing),
                          on_done(second, nothing), when(timed, on_timeout(due, nothing)));
    world.check(r.has_value(), "select failed");
    done = true;
    if (*r < 4) world.check(may[*r], "something was chosen that has not happened");
    if (*r == 4 || *r == 5) world.check(ends[*r - 4], "a fiber was said to have ended that runs");
    go_on.set();
    first.join();
    second.join();
  };
  if (world.random(2) == 0) world.spawn(waits, "waits");
  else world.thread(waits, "waits");
  const auto happens = [&](std::size_t what) {
    some_time();
    may[what] = true;
    switch (what) {
      case 0: return some_event->set();
      case 1: return some_group->done();
      case 3: return (void)source.request_stop();
      default: {
        auto v = std::make_unique<letter>();
        const auto sent = some_channel->send(std::move(v), due);
        world.check(sent.has_value() || sent.error() == errc::deadline_exceeded, "the wrong error");
      }
    }
  };
  for (std::size_t what = 0; what < 4; ++what) {
    if (what != 1 && world.random(3) == 0) continue;
    if (world.random(2) == 0) world.spawn([&, what] { happens(what); }, "happens");
    else world.thread([&, what] { happens(what); }, "happens");
  }
  world.run();
  world.check(done, "select did not return");
}

TEST(Select, one_thing_of_any_kind_happens) { explore(seeds, first_of_all_kinds, {.workers = 2}); }

// Several fibers end at the same time: one of them has woken who waits for all, and all can be joined.
void one_of_many_ends(sim& world) {
  event gate;
  std::array<task<int>, 3> tasks;
  int i = 0;
  for (auto& t : tasks) t = world.rt().spawn([&gate, i = i++] { return (void)gate.wait(), i; });
  const auto waits = [&] {
    const auto r = select(on_done(tasks[0], nothing), on_done(tasks[1], nothing), on_done(tasks[2], nothing));
    world.check(r.has_value(), "select failed");
    world.check(tasks[*r].join(0ns).has_value(), "who was said to have ended has not");
    for (auto& t : tasks)
      if (t.joinable()) (void)t.join();
  };
  if (world.random(2) == 0) world.spawn(waits, "waits");
  else world.thread(waits, "waits");
  world.thread([&] { gate.set(); }, "sets");
  world.run();
}

TEST(Select, of_several_joins_the_one_that_has_ended_is_told) {
  explore(seeds, one_of_many_ends, {.workers = 2});
}

// One value; who has received it through a select destroys the channels.
void select_and_destroy(sim& world) {
  auto c = std::make_unique<letters>(1), unused = std::make_unique<letters>(0);
  const auto receives = [&] {
    const auto r = select(on_recv(*unused, nothing), on_recv(*c, [&](auto v) {
                            world.check(v.has_value(), "closed");
                            destroy_and_spoil(std::move(c));
                            unused.reset();
                          }));
    world.check(r == 1u, "select failed");
  };
  const auto sends = [&, to = c.get()] {
    auto v = std::make_unique<letter>();
    if (world.random(2) == 0) {
      world.check(to->send(std::move(v)).has_value(), "send() failed");
    } else {
      event never;
      world.check(select(on_send(*to, v, nothing), on_set(never, nothing)) == 0u, "select failed");
    }
  };
  if (world.random(2) == 0) world.spawn(receives, "receives");
  else world.thread(receives, "receives");
  if (world.random(2) == 0) world.spawn(sends, "sends");
  else world.thread(sends, "sends");
  world.run();
}

TEST(Select, a_channel_may_be_destroyed_by_who_has_received_its_last_value) {
  explore(seeds, select_and_destroy, {.workers = 2});
}

TEST(Select, every_operation_is_needed) {
  const auto race = [](sim& world) {
    switch (world.seed() % 4) {
      case 0: return trade(world);
      case 1: return one_of_many_ends(world);
      case 2: return select_and_destroy(world);
      default: return first_of_all_kinds(world);
    }
  };
  expect_mutations_found("runtime/alternative.cpp", seeds, race, {}, two_workers);
  expect_mutations_found(code{"runtime/parker.hpp", "parker::claim("}, seeds, race, {}, two_workers);
}

}  // namespace
}  // namespace weft

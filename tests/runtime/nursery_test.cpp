// nursery in simulated worlds: what a failure does, what a stop and a deadline do, who waits for whom, and
// its end.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/child_count.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

const std::error_code broken = std::make_error_code(std::errc::broken_pipe);
const std::error_code refused = std::make_error_code(std::errc::connection_refused);

// Runs `f` in a fiber of a world with one worker, for as long as it takes.
template <class F>
void on_a_fiber(F f, simulator_options o = {}) {
  sim world{1, o};
  world.spawn([&] { f(world); });
  world.run();
}

result<void> fail(std::error_code error) { return std::unexpected(error); }

// --- joining

TEST(Nursery, joins_all_children_and_theirs) {
  on_a_fiber([](sim&) {
    nursery n;
    EXPECT_TRUE(n.join());
    int ended = 0;
    for (int i = 0; i < 3; ++i)
      n.spawn([&] {
        (void)this_fiber::sleep_for(1ms);
        n.spawn([&] {
          (void)this_fiber::sleep_for(1ms);
          ++ended;
        });
        ++ended;
      });
    EXPECT_EQ(n.size(), 3u);
    EXPECT_TRUE(n.join());
    EXPECT_EQ(ended, 6);
    EXPECT_EQ(n.size(), 0u);
    n.spawn([&] { ++ended; });  // it can be used again
    EXPECT_TRUE(n.join());
    EXPECT_EQ(ended, 7);
  });
}

TEST(Nursery, captures_are_gone_when_join_returns) {
  on_a_fiber([](sim&) {
    auto shared = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = shared;
    nursery n;
    n.spawn([held = std::move(shared)] { (void)this_fiber::sleep_for(1ms); });
    n.spawn([large = std::string(200, 'x'), more = std::vector<int>(100)] {
      EXPECT_EQ(large.size(), 200u);
      EXPECT_EQ(more.size(), 100u);
    });
    EXPECT_FALSE(seen.expired());
    EXPECT_TRUE(n.join());
    EXPECT_TRUE(seen.expired());
  });
}

TEST(Nursery, join_gives_up_at_the_deadline_and_not_before) {
  on_a_fiber([](sim& world) {
    nursery n;
    event gate;
    n.spawn([&] { EXPECT_TRUE(gate.wait()); });
    const auto begin = world.now();
    EXPECT_EQ(n.join(5ms).error(), errc::deadline_exceeded);
    EXPECT_GE(world.now() - begin, 5ms);
    EXPECT_EQ(n.size(), 1u);  // it runs on
    gate.set();
    EXPECT_TRUE(n.join(5ms));
  });
}

TEST(Nursery, threads_may_spawn_and_join) {
  sim world{1};
  std::optional<nursery> n;
  event made, joined;
  int ran = 0;
  world.spawn([&] {
    n.emplace();
    made.set();
    EXPECT_TRUE(joined.wait());
    n.reset();
  });
  world.thread([&] {
    EXPECT_TRUE(made.wait());
    for (int i = 0; i < 3; ++i) n->spawn([&] { ++ran; });
    EXPECT_TRUE(n->join());
    EXPECT_EQ(ran, 3);
    n->spawn([]() -> result<void> { return fail(broken); });
    EXPECT_EQ(n->join().error(), broken);
    joined.set();
  });
  world.run();
}

TEST(NurseryDeathTest, is_for_fibers) { EXPECT_DEATH(nursery{}, "made by a fiber"); }

// A nursery that was not joined is no misuse: its end joins. But that takes a fiber.
TEST(NurseryDeathTest, destroying_it_outside_a_fiber_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        std::optional<nursery> n;
        world.spawn([&] {
          n.emplace();
          n->spawn([] { (void)this_fiber::sleep_for(1h); });
        });
        (void)world.parked();
        n.reset();
      },
      "destroyed by a fiber");
}

// What its end does not wait for: one who joins, in the count that both wait at.
TEST(NurseryDeathTest, destroying_its_count_while_somebody_joins_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        const detail::stop_group group;
        auto count = std::make_unique<detail::child_count>(group);
        (void)count->enter(0);
        world.spawn([&] { (void)count->wait(deadline::never(), /*cancellable=*/false); });
        (void)world.parked();
        count.reset();
      },
      "destroyed while somebody joins");
}

// --- failures

TEST(Nursery, the_first_error_cancels_the_others_and_comes_out) {
  on_a_fiber([](sim&) {
    nursery n;
    event never;
    std::vector<std::error_code> seen;
    std::optional<stop_reason> why;
    for (int i = 0; i < 2; ++i)
      n.spawn([&]() -> result<void> {
        const result<void> r = never.wait();
        seen.push_back(r.error());
        why = this_fiber::stop_reason();
        return r;
      });
    n.spawn([]() -> result<void> {
      (void)this_fiber::sleep_for(1ms);
      return fail(broken);
    });
    EXPECT_EQ(n.join().error(), broken);
    EXPECT_EQ(seen, (std::vector<std::error_code>(2, errc::canceled)));
    EXPECT_EQ(why, stop_reason::error);
    EXPECT_TRUE(n.join());  // it was given once
  });
}

TEST(Nursery, an_exception_cancels_the_others_and_is_rethrown_as_it_was) {
  on_a_fiber([](sim&) {
    nursery n;
    event never;
    result<void> other;
    n.spawn([&] { other = never.wait(); });
    n.spawn([] { throw std::out_of_range{"mine"}; });
    try {
      (void)n.join();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::out_of_range& e) {
      EXPECT_STREQ(e.what(), "mine");
    }
    EXPECT_EQ(other.error(), errc::canceled);
    EXPECT_EQ(n.size(), 0u);
  });
}

TEST(Nursery, of_two_errors_the_first_counts) {
  on_a_fiber([](sim&) {
    nursery n;
    n.spawn([]() -> result<void> { return fail(broken); });
    n.spawn([]() -> result<void> { return fail(refused); });
    EXPECT_EQ(n.join().error(), broken);
  });
}

TEST(Nursery, canceled_as_the_answer_to_a_stop_gives_way_to_a_failure) {
  on_a_fiber([](sim&) {
    nursery n;
    event never;
    n.spawn([&]() -> result<void> { return never.wait(); });
    n.spawn([&]() -> result<void> {
      (void)never.wait();
      (void)with_shield(1s, [] { return this_fiber::sleep_for(1ms); });
      return fail(refused);
    });
    this_fiber::yield();
    n.request_stop();
    EXPECT_EQ(n.join().error(), refused);
    n.spawn([&]() -> result<void> { return never.wait(); });
    EXPECT_EQ(n.join().error(), errc::canceled);  // it stays stopped
  });
}

// --- stops and deadlines

TEST(Nursery, request_stop_reaches_children_present_and_future) {
  on_a_fiber([](sim&) {
    nursery n;
    event never;
    int canceled = 0;
    const auto waits = [&] {
      EXPECT_EQ(never.wait().error(), errc::canceled);
      EXPECT_TRUE(this_fiber::stop_requested());
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::user);
      ++canceled;
    };
    n.spawn(waits);
    n.spawn([&](std::stop_token stop) {
      while (!stop.stop_requested()) this_fiber::yield();
      ++canceled;
    });
    this_fiber::yield();
    n.request_stop();
    n.spawn(waits);
    n.spawn([&](std::stop_token stop) { canceled += stop.stop_requested(); });
    EXPECT_TRUE(n.join());
    EXPECT_EQ(canceled, 4);
    EXPECT_FALSE(this_fiber::stop_requested());  // whose nursery it is goes on
  });
}

TEST(Nursery, a_canceled_joiner_passes_the_stop_on_and_waits) {
  sim world{1};
  event never;
  bool cleaned_up = false;
  auto t = world.rt().spawn([&]() -> result<void> {
    nursery n;
    n.spawn([&] {
      EXPECT_EQ(never.wait().error(), errc::canceled);
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::parent);
      const cancellation_shield shield;
      EXPECT_TRUE(this_fiber::sleep_for(3ms));
      cleaned_up = true;
    });
    const result<void> r = n.join();
    EXPECT_TRUE(cleaned_up);
    return r;
  });
  world.advance(1ms);
  EXPECT_TRUE(t.request_stop());
  EXPECT_EQ(t.join().error(), errc::canceled);
}

TEST(Nursery, children_have_its_deadline_and_not_their_spawners) {
  on_a_fiber([](sim& world) {
    event never;
    const auto begin = world.now();
    nursery without;
    with_deadline(3ms, [&] {
      nursery n;
      n.spawn([&]() -> result<void> { return never.wait(); });
      without.spawn([]() -> result<void> { return this_fiber::sleep_for(10ms); });
      EXPECT_EQ(n.join(1h).error(), errc::deadline_exceeded);
      EXPECT_LT(world.now() - begin, 4ms);
      EXPECT_EQ(n.size(), 0u);
    });
    EXPECT_TRUE(without.join());
    EXPECT_GE(world.now() - begin, 10ms);
  });
}

TEST(Nursery, a_joiner_whose_own_deadline_passes_stops_the_children_and_waits) {
  on_a_fiber([](sim& world) {
    event never;
    nursery n;
    std::optional<stop_reason> why;
    n.spawn([&] {
      EXPECT_EQ(never.wait().error(), errc::canceled);
      why = this_fiber::stop_reason();
    });
    const auto begin = world.now();
    with_deadline(2ms, [&] { EXPECT_EQ(n.join().error(), errc::deadline_exceeded); });
    EXPECT_EQ(n.size(), 0u);
    EXPECT_EQ(why, stop_reason::timeout);
    EXPECT_LT(world.now() - begin, 4ms);
  });
}

TEST(Nursery, the_stop_of_a_spawner_is_not_its_childs) {
  sim world{1};
  event gate;
  result<void> child;
  std::optional<nursery> n;
  event made, ended;
  world.spawn([&] {
    n.emplace();
    made.set();
    EXPECT_TRUE(ended.wait());
    EXPECT_TRUE(n->join());
    n.reset();
  });
  auto spawner = world.rt().spawn([&] {
    EXPECT_TRUE(made.wait());
    n->spawn([&] { child = gate.wait(); });
    (void)this_fiber::sleep_for(1h);
  });
  world.advance(1ms);
  EXPECT_TRUE(spawner.request_stop());
  spawner.join();
  world.advance(1ms);
  gate.set();
  ended.set();
  world.run();
  EXPECT_TRUE(child);
}

TEST(Nursery, its_end_stops_the_children_and_waits_though_its_fiber_is_stopped) {
  sim world{1};
  event never;
  result<void> child;
  std::optional<stop_reason> why;
  auto t = world.rt().spawn([&] {
    nursery n;
    n.spawn([&] {
      child = never.wait();
      why = this_fiber::stop_reason();
      const cancellation_shield shield;
      (void)this_fiber::sleep_for(2ms);
    });
    EXPECT_FALSE(this_fiber::sleep_for(1h));
  });
  world.advance(1ms);
  EXPECT_TRUE(t.request_stop());
  t.join();
  EXPECT_EQ(child.error(), errc::canceled);
  EXPECT_EQ(why, stop_reason::parent);
}

TEST(Nursery, a_stop_token_of_spawn_options_cancels_that_child_too) {
  on_a_fiber([](sim&) {
    std::stop_source source;
    event gate;
    result<void> one, other;
    nursery n;
    n.spawn([&] { one = gate.wait(); }, {.stop = source.get_token()});
    n.spawn([&] { other = gate.wait(); });
    this_fiber::yield();
    source.request_stop();
    EXPECT_TRUE(this_fiber::sleep_for(1ms));
    gate.set();
    EXPECT_TRUE(n.join());
    EXPECT_EQ(one.error(), errc::canceled);
    EXPECT_TRUE(other);
  });
}

// --- room

TEST(Nursery, children_max_parks_the_spawner) {
  on_a_fiber([](sim&) {
    nursery n{{.children_max = 3}};
    int live = 0, most = 0, ran = 0;
    for (int i = 0; i < 20; ++i) {
      n.spawn([&] {
        most = std::max(most, ++live);
        (void)this_fiber::sleep_for(1ms);
        --live, ++ran;
      });
      EXPECT_LE(n.size(), 3u);
    }
    EXPECT_TRUE(n.join());
    EXPECT_EQ(ran, 20);
    EXPECT_EQ(most, 3);
  });
}

TEST(Nursery, a_spawner_that_is_stopped_while_it_waits_for_room_does_not_wait_on) {
  sim world{1};
  event never;
  int ran = 0;
  auto t = world.rt().spawn([&] {
    nursery n{{.children_max = 1}};
    for (int i = 0; i < 3; ++i)
      n.spawn([&] {
        EXPECT_EQ(never.wait().error(), errc::canceled);
        ++ran;
      });
    EXPECT_EQ(n.join().error(), errc::canceled);
  });
  world.advance(1ms);
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(t.request_stop());
  t.join();
  EXPECT_EQ(ran, 3);
}

TEST(Nursery, the_limit_holds_again_after_it_was_exceeded) {
  on_a_fiber([](sim&) {
    nursery n{{.children_max = 1}};
    event gate;
    int live = 0, most = 0;
    n.spawn([&] { EXPECT_TRUE(gate.wait()); });
    auto late = spawn([&] {
      with_deadline(1ms, [&] { n.spawn([&] { EXPECT_TRUE(gate.wait()); }); });  // let in above the limit
      for (int i = 0; i < 3; ++i)
        n.spawn([&] {
          most = std::max(most, ++live);
          this_fiber::yield();
          --live;
        });
    });
    EXPECT_TRUE(this_fiber::sleep_for(2ms));
    EXPECT_EQ(n.size(), 2u);
    gate.set();
    late.join();
    EXPECT_TRUE(n.join());
    EXPECT_EQ(most, 1);
  });
}

TEST(Nursery, fibers_max_does_not_let_it_hang) {
  on_a_fiber(
      [](sim&) {
        int ran = 0;
        const result<void> r = with_nursery([&](nursery& n) {
          for (int i = 0; i < 3; ++i)
            n.spawn([&]() -> result<void> {
              return with_nursery([&](nursery& inner) {
                for (int k = 0; k < 3; ++k) inner.spawn([&] { ++ran; });
              });
            });
        });
        EXPECT_TRUE(r);
        EXPECT_EQ(ran, 9);
      },
      {.fibers_max = 3});
}

// --- with_nursery

TEST(WithNursery, joins_when_the_body_ends) {
  on_a_fiber([](sim&) {
    int ran = 0;
    EXPECT_TRUE(with_nursery([&](nursery& n) {
      for (int i = 0; i < 3; ++i) n.spawn([&] { ++ran; });
    }));
    EXPECT_EQ(ran, 3);
    EXPECT_EQ(
        with_nursery([&](nursery& n) { n.spawn([]() -> result<void> { return fail(broken); }); }).error(),
        broken);
    EXPECT_THROW((void)with_nursery([&](nursery& n) { n.spawn([] { throw 1; }); }), int);
  });
}

TEST(WithNursery, a_failure_of_the_body_stops_the_children_and_comes_out) {
  on_a_fiber([](sim&) {
    event never;
    result<void> child;
    const result<void> r = with_nursery([&](nursery& n) -> result<void> {
      n.spawn([&] { child = never.wait(); });
      this_fiber::yield();
      return fail(refused);
    });
    EXPECT_EQ(r.error(), refused);
    EXPECT_EQ(child.error(), errc::canceled);
    EXPECT_THROW((void)with_nursery([&](nursery& n) {
                   n.spawn([&] { child = never.wait(); });
                   this_fiber::yield();
                   throw 7;
                 }),
                 int);
    EXPECT_EQ(child.error(), errc::canceled);
  });
}

TEST(WithNursery, a_failure_of_a_child_cancels_the_body) {
  on_a_fiber([](sim&) {
    event never;
    const result<void> r = with_nursery([&](nursery& n) -> result<void> {
      n.spawn([]() -> result<void> {
        this_fiber::yield();
        return fail(broken);
      });
      const result<void> waited = never.wait();
      EXPECT_EQ(waited.error(), errc::canceled);
      EXPECT_EQ(this_fiber::stop_reason(), stop_reason::error);
      return waited;
    });
    EXPECT_EQ(r.error(), broken);
    EXPECT_TRUE(this_fiber::checkpoint());
  });
}

}  // namespace
}  // namespace weft

// The end of a fiber: joins that wait and joins that give up, detaching, stops at any moment, and the
// control block that is used again. Worlds end with all blocks given back.
#include <algorithm>
#include <chrono>
#include <stop_token>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// Sleeps until exactly then, on a fiber or a thread, whatever is asked of it.
void rest(deadline until) {
  detail::wait w{/*cancellable=*/false};
  (void)park(w, until, detail::park_reason::sleep);
}

// A thread that joins may be gone, its stack and its thread_locals with it, as soon as it has been woken.
void threads_join(sim& world) {
  world.rt();
  for (int i = 0; i < 2; ++i)
    world.thread([&] {
      auto t = world.rt().spawn([] { return 7; });
      world.check(t.join() == 7, "the wrong result");
    });
  world.run();
}

// Joins that give up while the fiber ends, and come again. One that gives up at once meets a fiber that does
// not sleep; one that gives up later, a fiber that wakes at the same tick of the clock.
void joins_give_up(sim& world) {
  const deadline until = world.in(world.random(4) != 0 ? 0ms : 1ms);
  const bool may_rest = until > world.now();
  const auto joins = [&] {
    auto t = world.rt().spawn([&] {
      if (may_rest && world.random(2) == 0) rest(until);
      return 7;
    });
    const result<int> first = t.join(until);
    if (first) world.check(*first == 7, "the wrong result");
    else world.check(t.join() == 7, "the wrong result at the second join");
  };
  world.spawn(joins);
  world.thread(joins);
  world.run();
}

// A stop that comes at any moment of a fiber's life, from any side; a canceled joiner passes it on.
void stops_come_at_any_time(sim& world) {
  result<void> slept;
  auto inner = world.rt().spawn([&] { slept = this_fiber::sleep_until(deadline::never()); });
  auto outer = world.rt().spawn([&] { inner.join(); });
  const auto stops = [&] { (void)outer.request_stop(); };
  world.thread(stops);
  world.spawn(stops);
  world.run();
  outer.join();
  world.check(!slept && slept.error() == errc::canceled, "the stop did not arrive");
}

// A stop is on its way to a fiber that ends; its block is used again, and the stop must not hit who has it
// then.
void late_stops_hit_nobody_else(sim& world) {
  const auto ends_and_begins = [&] {
    for (int i = 0; i < 2; ++i) {
      auto ending = world.rt().spawn([&] { this_fiber::yield(); });
      (void)ending.request_stop();
      ending.join();
      auto next = world.rt().spawn([&] { return this_fiber::sleep_for(1us); });
      world.check(next.join().has_value(), "stopped by a request that was another's");
    }
  };
  world.spawn(ends_and_begins);
  world.thread(ends_and_begins);
  world.run();
}

// The token of a fiber is made while the stop comes.
void tokens_hear_of_stops(sim& world) {
  detail::atomic<int> heard{0};
  detail::atomic<std::uint32_t> started{world.random(2) == 0};  // 1: the stop need not wait for it
  auto t = world.rt().spawn([&] {
    started.store(1);
    detail::futex_wake(&started, 1);
    const std::stop_token token = this_fiber::get_stop_token();
    const std::stop_callback counts{token, [&] { heard.fetch_add(1); }};
    // By the token alone, or by a wait that ends, after which the token knows too.
    if (world.random(2) == 0) (void)this_fiber::sleep_until(deadline::never());
    else
      while (!token.stop_requested()) this_fiber::yield();
    world.check(token.stop_requested(), "the token did not hear of the stop");
  });
  world.thread([&] {
    while (started.load() == 0) detail::futex_wait(started, 0, deadline::never());
    (void)t.request_stop();
  });
  world.run();
  t.join();
  world.check(heard.load() == 1, "the callback did not run once");
}

// What a fiber has left behind with its block is not taken for the next one's.
void blocks_are_used_again(sim& world) {
  world.spawn([&] {
    world.rt().spawn([] { (void)this_fiber::get_stop_token(); }).join();
    for (int i = 0; i < 2; ++i)
      world.check(world.rt().spawn([] { return 7; }).join() == 7, "the wrong result");
  });
  world.run();
}

void detached_fibers_end(sim& world) {
  int ran = 0;
  world.spawn([&] { world.rt().spawn([&] { ++ran; }).detach(); });
  world.thread([&] { world.rt().spawn([&] { ++ran; }).detach(); });
  world.run();
  world.advance(10ms);
  world.check(ran == 2, "not run");
}

// Fibers that are spawned at the same time, here and from outside.
void ids_are_given_once(sim& world) {
  std::vector<fiber_id> ids;
  const auto spawns = [&] {
    auto t = world.rt().spawn([] {});
    ids.push_back(t.get_id());
    ids.push_back(this_fiber::get_id());
    t.join();
  };
  for (unsigned worker = 0; worker < world.rt().workers(); ++worker)
    world.rt().spawn([&] { go(spawns); }, {.worker = worker}).detach();
  for (int i = 0; i < 2; ++i)
    world.thread([&] {
      auto t = world.rt().spawn([] {});
      ids.push_back(t.get_id());
      t.join();
    });
  world.run();
  world.advance(1ms);
  std::ranges::sort(ids);
  world.check(std::ranges::adjacent_find(ids) == ids.end(), "two fibers with one id");
  world.check(ids.size() == 2 + 2 * world.rt().workers(), "not all have run");
}

TEST(Join, a_thread_that_joins_may_end_at_once) { explore(seeds, threads_join); }
TEST(Join, giving_up_and_the_end_agree) { explore(seeds, joins_give_up, two_workers); }
TEST(Join, detaching_and_the_end_agree) { explore(seeds, detached_fibers_end, two_workers); }
TEST(Join, a_block_may_be_used_again) { explore(seeds, blocks_are_used_again, two_workers); }
TEST(FiberId, is_given_once) { explore(seeds / 2, ids_are_given_once, two_workers); }
TEST(Stop, may_come_at_any_time) { explore(seeds, stops_come_at_any_time, two_workers); }
TEST(Stop, hits_nobody_who_has_the_block_later) { explore(seeds, late_stops_hit_nobody_else, two_workers); }
TEST(Stop, is_heard_by_a_token_that_is_made_meanwhile) { explore(seeds, tokens_hear_of_stops, two_workers); }

void any_of_these(sim& world) {
  switch (world.random(11)) {
    case 9: return blocks_are_used_again(world);
    case 6:
    case 7:
    case 8: return joins_give_up(world);  // what only few of its seeds show
    case 5: return ids_are_given_once(world);
    case 0: return threads_join(world);
    case 1: return joins_give_up(world);
    case 2: return stops_come_at_any_time(world);
    case 3: return late_stops_hit_nobody_else(world);
    case 4: return tokens_hear_of_stops(world);
    default: return detached_fibers_end(world);
  }
}

TEST(Join, every_operation_is_needed) {
  using enum mutation::change;
  const auto check = [](const code& part, const std::vector<exemption>& exempt = {}) {
    expect_mutations_found(part, 6 * seeds, any_of_these, exempt, two_workers);
  };
  constexpr std::string_view for_onlookers = "the state of what has ended is for onlookers";
  check("runtime/join.hpp");
  check("runtime/join.cpp");
  check("runtime/stop.cpp",
        {{"heavy_fence", drop, "decides about a fence only, and the simulator needs none"}});
  check("runtime/outcome.cpp",
        {{"(fiber::posted | fiber::delivered)) == on_its_way", drop, "what is missing there, fetch_or sees"},
         {"fiber_state::free", drop, for_onlookers}});
  check("runtime/worker_fibers.cpp", {{"fiber_state::ended", drop, for_onlookers},
                                      {"f.state.load(std::memory_order_acquire) == fiber_state::started &&",
                                       drop, "a fiber that has ended refuses the stop itself"}});
}

}  // namespace
}  // namespace weft

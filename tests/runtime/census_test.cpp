// "All fibers are asleep", in simulated worlds: told once, after a second, with what each fiber waits for and
// the circle in which they wait for each other.
#include "census_fixture.hpp"

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/once_flag.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;

TEST_F(Census, tells_once_and_after_a_second_what_each_fiber_waits_for) {
  sim world{1};
  runtime rt{watched()};
  event never;
  binary_semaphore none{0};
  task<void> reader = rt.spawn([&] { (void)never.wait(); }, {.name = "reader"});
  task<void> writer = rt.spawn([&] { none.acquire(); });
  world.advance(900ms);
  EXPECT_EQ(told(), 0u);
  world.advance(200ms);
  const auto all = reports::take();
  ASSERT_EQ(reports::with(all, census_headline), 1u);
  const std::string text = all[0];
  EXPECT_NE(text.find("\"reader\" (spawned at"), std::string::npos) << text;
  EXPECT_NE(text.find("census_test.cpp"), std::string::npos) << text;
  EXPECT_NE(text.find("waits for an event"), std::string::npos) << text;
  EXPECT_NE(text.find("waits for a semaphore"), std::string::npos) << text;
  EXPECT_EQ(text.find("in a circle"), std::string::npos) << text;
  world.advance(10s);
  EXPECT_EQ(told(), 0u) << "once";
  never.set();  // not fatal: they go on
  none.release();
  reader.join();
  writer.join();
}

TEST_F(Census, is_silent_without_fibers_and_when_it_is_off) {
  sim world{1};
  world.spawn([] {});
  {
    runtime rt{watched()};
    world.advance(5s);
  }
  options o = watched();
  o.asleep_report = false;
  runtime rt{o};
  event never;
  task<void> t = rt.spawn([&] { (void)never.wait(); });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  (void)t.request_stop();
  t.join();
}

TEST_F(Census, the_second_begins_when_the_last_one_falls_asleep) {
  sim world{1};
  runtime rt{watched()};
  event never;
  task<void> early = rt.spawn([&] { (void)never.wait(); });
  task<void> late = rt.spawn([&] {
    this_fiber::sleep_for(3s);
    (void)never.wait();
  });
  world.advance(3900ms);
  EXPECT_EQ(told(), 0u) << "a timer was pending, then it was too early";
  world.advance(300ms);
  EXPECT_EQ(told(), 1u);
  never.set();
  early.join();
  late.join();
}

TEST_F(Census, names_a_circle_of_mutexes) {
  sim world{1};
  runtime rt{watched()};
  std::array<mutex, 3> forks;
  std::vector<task<result<void>>> all;
  for (std::size_t i = 0; i < 3; ++i) {
    all.push_back(rt.spawn([&, i]() -> result<void> {
      const std::lock_guard left{forks[i]};
      this_fiber::sleep_for(1ms);
      WEFT_TRY(forks[(i + 1) % 3].lock(deadline::never()));
      forks[(i + 1) % 3].unlock();
      return {};
    }));
  }
  task<void> bystander = rt.spawn([&] { const std::lock_guard fork{forks[0]}; });
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  const std::string& text = found[0];
  EXPECT_NE(text.find("waits for a mutex"), std::string::npos) << text;
  ASSERT_NE(text.find("in a circle: fiber "), std::string::npos) << text;
  std::size_t links = 0;
  const std::string link = " wants what is held by fiber ";
  for (std::size_t at = text.find(link); at != std::string::npos; at = text.find(link, at + 1)) ++links;
  EXPECT_EQ(links, 3u) << text;
  (void)all[2].request_stop();
  EXPECT_EQ(all[2].join().error(), errc::canceled);
  EXPECT_TRUE(all[0].join());
  EXPECT_TRUE(all[1].join());
  bystander.join();
}

TEST_F(Census, names_a_circle_of_a_shared_mutex_a_call_once_and_a_join) {
  sim world{1};
  runtime rt{watched()};
  shared_mutex m;
  once_flag flag;
  task<result<void>> wants;
  task<void> runs, holds;
  wants = rt.spawn([&]() -> result<void> {
    this_fiber::sleep_for(2ms);
    return m.lock_shared(deadline::never());  // of `holds`
  });
  runs = rt.spawn([&] {
    call_once(flag, [&] {
      this_fiber::sleep_for(2ms);
      EXPECT_EQ(wants.join().error(), errc::canceled);
    });
  });
  holds = rt.spawn([&] {
    const std::lock_guard hold{m};
    this_fiber::sleep_for(1ms);
    call_once(flag, [] { ADD_FAILURE(); });  // by `runs`
  });
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  const std::string& text = found[0];
  ASSERT_NE(text.find("in a circle: fiber "), std::string::npos) << text;
  EXPECT_NE(text.find(" wants what is held by fiber "), std::string::npos) << text;
  EXPECT_NE(text.find(" waits for the call_once of fiber "), std::string::npos) << text;
  EXPECT_NE(text.find(" joins fiber "), std::string::npos) << text;
  rt.block_on([&] { (void)wants.request_stop(); });
  runs.join();
  holds.join();
}

TEST_F(Census, names_fibers_that_join_each_other) {
  sim world{1};
  runtime rt{watched()};
  event both;
  task<void> one;
  task<result<void>> two;
  one = rt.spawn([&] {
    (void)both.wait();
    (void)two.join();
  });
  two = rt.spawn([&]() -> result<void> {
    WEFT_TRY(both.wait());
    return one.join(deadline::never());
  });
  rt.block_on([&] { both.set(); });
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  EXPECT_NE(found[0].find(" joins fiber "), std::string::npos) << found[0];
  rt.block_on([&] { (void)two.request_stop(); });
  world.advance(1ms);
  one.join();
}

/// The report after two seconds, which must be there, and be of a circle with that link.
void expect_circle(sim& world, const char* link, std::size_t links) {
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  const std::string& text = found[0];
  const std::size_t circle = text.find("in a circle: fiber ");
  ASSERT_NE(circle, std::string::npos) << text;
  std::size_t n = 0;
  for (std::size_t at = text.find(link, circle); at != std::string::npos; at = text.find(link, at + 1)) ++n;
  EXPECT_EQ(n, links) << text;
}

TEST_F(Census, names_the_child_of_a_nursery_that_joins_whom_the_nursery_is_of) {
  sim world{1};
  runtime rt{watched()};
  event never, begun;
  task<result<void>> owner, bystander;
  owner = rt.spawn([&] {
    return with_nursery([&](nursery& n) {
      n.spawn([&] { return never.wait(); });
      n.spawn([&]() -> result<void> {
        WEFT_TRY(begun.wait());
        return owner.join(deadline::never());
      });
    });
  });
  rt.block_on([&] { begun.set(); });
  expect_circle(world, " waits for the child ", 1);
  rt.block_on([&] { (void)owner.request_stop(); });
  world.advance(1ms);
  EXPECT_EQ(owner.join().error(), errc::canceled);
}

TEST_F(Census, tells_of_fibers_that_wait_for_nothing_but_the_ends_of_children_in_a_circle) {
  sim world{1};
  runtime rt{watched()};
  task<result<int>> owner;
  owner = rt.spawn([&]() -> result<int> {
    join_set<int> all;
    all.spawn([&]() -> result<int> {
      this_fiber::yield();
      WEFT_TRY(owner.join(deadline::never()));
      return 1;
    });
    return *all.join_next();
  });
  expect_circle(world, " waits for the child ", 1);
  rt.block_on([&] { (void)owner.request_stop(); });
  world.advance(1ms);
  EXPECT_EQ(owner.join().error(), errc::canceled);
}

TEST_F(Census, names_children_that_all_wait_for_room_among_themselves) {
  sim world{1};
  runtime rt{watched()};
  task<result<void>> owner = rt.spawn([&] {
    return with_nursery(
        [&](nursery& n) {
          for (int i = 0; i < 2; ++i)
            n.spawn([&] {
              this_fiber::yield();
              n.spawn([] {});
            });
        },
        {.children_max = 2});
  });
  expect_circle(world, " waits for the child ", 1);
  rt.block_on([&] { (void)owner.request_stop(); });
  world.advance(1ms);
  EXPECT_EQ(owner.join().error(), errc::canceled);
}

// The body belongs to the nursery too, but is no child of it.
TEST_F(Census, a_body_that_joins_its_own_nursery_is_no_circle) {
  sim world{1};
  runtime rt{watched()};
  event never;
  task<void> owner = rt.spawn([&] {
    (void)with_nursery([&](nursery& n) {
      n.spawn([&] { (void)never.wait(); });
      (void)n.join();
    });
  });
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  EXPECT_EQ(found[0].find("in a circle"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("waits for the children of a nursery"), std::string::npos) << found[0];
  never.set();
  owner.join();
}

}  // namespace
}  // namespace weft

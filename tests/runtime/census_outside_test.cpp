// "All fibers are asleep", in simulated worlds: not told while something may still come from outside.
#include "census_fixture.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include <sim/sim.hpp>
#include <weft/runtime/barrier.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/condition_variable.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/external_work.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/once_flag.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/wait_group.hpp>
#include <weft/runtime/watch.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;

TEST_F(Census, waits_for_external_work_and_looks_again) {
  sim world{1};
  runtime rt{watched()};
  event never;
  std::optional<external_work> first{std::in_place, rt};
  task<void> t = rt.spawn([&] {
    const external_work second;
    EXPECT_EQ(never.wait(2500ms).error(), errc::deadline_exceeded);
    (void)never.wait();
  });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  external_work moved = std::move(*first);
  first.reset();
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  { const external_work ends = std::move(moved); }
  world.advance(3s);
  EXPECT_EQ(told(), 0u) << "the fiber has a guard of its own";
  never.set();
  t.join();
}

TEST_F(Census, looks_again_when_external_work_has_ended) {
  sim world{1};
  runtime rt{watched()};
  event never;
  auto work = std::make_unique<external_work>(rt);
  task<void> t = rt.spawn([&] { (void)never.wait(); });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  work.reset();
  world.advance(1100ms);
  EXPECT_EQ(told(), 1u);
  never.set();
  t.join();
}

TEST_F(Census, is_silent_while_a_foreign_thread_waits_at_a_primitive) {
  sim world{1};
  runtime rt{watched()};
  event never, other;
  task<void> t = rt.spawn([&] { (void)never.wait(); });
  world.thread([&] { (void)other.wait(world.in(4s)); });
  world.advance(3900ms);
  EXPECT_EQ(told(), 0u);
  world.advance(2s);
  EXPECT_EQ(told(), 1u) << "it has gone";
  never.set();
  t.join();
}

TEST_F(Census, a_thread_that_joins_does_not_count) {
  sim world{1};
  runtime rt{watched()};
  event never;
  task<void> t = rt.spawn([&] { (void)never.wait(); });
  world.thread([&] { t.join(); });
  world.advance(1100ms);
  EXPECT_EQ(told(), 1u);
  never.set();
  world.run();
}

// A fiber waits twice at the same thing, and a foreign thread ends the first wait: it may do so again.
void expect_silence_where_a_thread_has_woken(std::function<void()> waits, std::function<void()> wakes) {
  sim world{1};
  runtime rt{watched()};
  int woken = 0;
  task<void> t = rt.spawn([&] {
    waits();
    ++woken;
    waits();
    ++woken;
  });
  world.advance(500ms);  // it waits by now
  world.thread([&] { wakes(); }, "foreign");
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  EXPECT_EQ(woken, 1);
  wakes();
  t.join();
}

TEST_F(Census, is_silent_at_a_primitive_where_a_foreign_thread_has_woken_a_fiber) {
  counting_semaphore<> permits{0};
  expect_silence_where_a_thread_has_woken([&] { permits.acquire(); }, [&] { permits.release(); });

  event ready;
  expect_silence_where_a_thread_has_woken([&] { (void)ready.wait(), ready.reset(); }, [&] { ready.set(); });

  wait_group group;
  group.add(1);
  expect_silence_where_a_thread_has_woken([&] { (void)group.wait(), group.add(1); }, [&] { group.done(); });

  barrier<> both{2};
  expect_silence_where_a_thread_has_woken([&] { both.arrive_and_wait(); }, [&] { (void)both.arrive(); });

  mutex m;
  condition_variable changed;
  expect_silence_where_a_thread_has_woken(
      [&] {
        std::unique_lock hold{m};
        changed.wait(hold);
      },
      [&] { changed.notify_one(); });
}

TEST_F(Census, is_silent_at_a_channel_where_a_foreign_thread_has_woken_a_fiber) {
  channel<int> values{0};
  expect_silence_where_a_thread_has_woken([&] { (void)values.recv(); }, [&] { (void)values.try_send(1); });
  expect_silence_where_a_thread_has_woken([&] { (void)values.send(1); }, [&] { (void)values.try_recv(); });

  watch<int> news{0};
  auto follower = news.subscribe();
  (void)follower.try_recv();
  expect_silence_where_a_thread_has_woken([&] { (void)follower.recv(); }, [&] { (void)news.set(1); });

  event never;
  expect_silence_where_a_thread_has_woken(
      [&] { (void)select(on_set(never, [] {}), on_recv(values, [](result<int>) {})); },
      [&] { (void)values.try_send(1); });

  // Whatever it does there: it has received, and is to send.
  {
    sim world{1};
    runtime rt{watched()};
    task<void> t = rt.spawn([&] {
      (void)values.send(1);
      (void)values.recv();
    });
    world.advance(500ms);
    world.thread([&] { (void)values.recv(); });
    world.advance(5s);
    EXPECT_EQ(told(), 0u);
    (void)values.try_send(2);
    t.join();
  }
}

TEST_F(Census, is_silent_at_a_primitive_where_a_foreign_thread_has_waited) {
  sim world{1};
  runtime rt{watched()};
  event ready;
  task<void> t = rt.spawn([&] { (void)ready.wait(); });
  world.thread([&] { (void)ready.wait(world.in(500ms)); });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  ready.set();
  t.join();
}

TEST_F(Census, a_foreign_thread_silences_it_only_where_it_was) {
  sim world{1};
  runtime rt{watched()};
  event first, second;
  task<void> t = rt.spawn([&] {
    (void)first.wait();
    (void)second.wait();
  });
  world.advance(500ms);
  world.thread([&] { first.set(); }, "foreign");
  world.advance(5s);
  EXPECT_EQ(told(), 1u);
  second.set();
  t.join();
}

TEST_F(Census, forgets_where_foreign_threads_were_with_the_last_runtime) {
  sim world{1};
  counting_semaphore<> permits{0};
  for (const std::size_t times : {0u, 1u}) {
    runtime rt{watched()};
    task<void> t = rt.spawn([&] { permits.acquire(); });
    if (times == 0) world.thread([&] { (void)permits.try_acquire_for(100ms); });
    world.advance(5s);
    EXPECT_EQ(told(), times);
    permits.release();
    t.join();
  }
}

TEST_F(Census, is_silent_while_a_job_runs_and_hears_of_no_one_through_it) {
  sim world{1};
  runtime rt{watched()};
  event never, over;
  task<void> waits = rt.spawn([&] { (void)never.wait(); });
  task<void> blocks = rt.spawn([&] { blocking([&] { (void)over.wait(world.in(5s)); }); });
  world.advance(4900ms);
  EXPECT_EQ(told(), 0u);
  world.advance(1200ms);
  EXPECT_EQ(told(), 1u) << "the pool's thread is no foreign one";
  blocks.join();
  never.set();
  waits.join();
}

TEST_F(Census, is_silent_while_a_foreign_thread_holds_the_mutex) {
  sim world{1};
  runtime rt{watched()};
  mutex m;
  m.lock();
  task<void> t = rt.spawn([&] {
    m.lock();
    m.unlock();
  });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  m.unlock();
  t.join();
}

TEST_F(Census, is_silent_while_a_foreign_thread_holds_a_shared_mutex_alone) {
  sim world{1};
  runtime rt{watched()};
  shared_mutex m;
  m.lock();
  task<void> shares = rt.spawn([&] { const std::shared_lock hold{m}; });
  task<void> alone = rt.spawn([&] { const std::lock_guard hold{m}; });
  world.advance(5s);
  EXPECT_EQ(told(), 0u);
  m.unlock();
  shares.join();
  alone.join();
}

TEST_F(Census, is_silent_while_a_foreign_thread_runs_a_call_once) {
  sim world{1};
  runtime rt{watched()};
  once_flag flag;
  std::optional<task<void>> waits;
  call_once(flag, [&] {
    waits.emplace(rt.spawn([&] { call_once(flag, [] { ADD_FAILURE(); }); }));
    world.advance(5s);
    EXPECT_EQ(told(), 0u);
  });
  waits->join();
}

TEST_F(Census, tells_of_what_a_fiber_holds_that_waits_too) {
  sim world{1};
  runtime rt{watched()};
  shared_mutex m;
  once_flag flag;
  event never;
  task<void> holds = rt.spawn([&] {
    const std::lock_guard hold{m};
    call_once(flag, [&] { (void)never.wait(); });
  });
  world.advance(1ms);  // it has both by now
  task<void> wants = rt.spawn([&] { const std::shared_lock hold{m}; });
  task<void> calls = rt.spawn([&] { call_once(flag, [] { ADD_FAILURE(); }); });
  world.advance(1500ms);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, census_headline), 1u);
  EXPECT_NE(found[0].find("waits for a shared mutex"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("waits for a call_once"), std::string::npos) << found[0];
  EXPECT_EQ(found[0].find("in a circle"), std::string::npos) << found[0];
  never.set();
  holds.join();
  wants.join();
  calls.join();
}

}  // namespace
}  // namespace weft

// "All fibers are asleep", in simulated worlds: told once, after a second, and only if nothing can come from
// outside.
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <reports.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/barrier.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/census.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/condition_variable.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/external_work.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/nursery.hpp>
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

constexpr const char* headline = "all fibers are asleep";

options watched(unsigned workers = 2) {
  options o;
  o.workers = workers;
  o.spin = 0ns;
  o.overflow_report = false;
  o.asleep_report = true;
  o.error_sink = reports::sink;
  return o;
}

/// How often it was reported by now.
std::size_t told() { return reports::with(reports::take(), headline); }

class Census : public testing::Test {
 protected:
  Census() { reports::clear(); }
};

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
  ASSERT_EQ(reports::with(all, headline), 1u);
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
  ASSERT_EQ(reports::with(found, headline), 1u);
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
  ASSERT_EQ(reports::with(found, headline), 1u);
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
  ASSERT_EQ(reports::with(found, headline), 1u);
  EXPECT_NE(found[0].find(" joins fiber "), std::string::npos) << found[0];
  rt.block_on([&] { (void)two.request_stop(); });
  world.advance(1ms);
  one.join();
}

/// The report after two seconds, which must be there, and be of a circle with that link.
void expect_circle(sim& world, const char* link, std::size_t links) {
  world.advance(2s);
  const auto found = reports::take();
  ASSERT_EQ(reports::with(found, headline), 1u);
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
  ASSERT_EQ(reports::with(found, headline), 1u);
  EXPECT_EQ(found[0].find("in a circle"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("waits for the children of a nursery"), std::string::npos) << found[0];
  never.set();
  owner.join();
}

// --- what may still come

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
  ASSERT_EQ(reports::with(found, headline), 1u);
  EXPECT_NE(found[0].find("waits for a shared mutex"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("waits for a call_once"), std::string::npos) << found[0];
  EXPECT_EQ(found[0].find("in a circle"), std::string::npos) << found[0];
  never.set();
  holds.join();
  wants.join();
  calls.join();
}

// --- every interleaving

// Two fibers wait, and threads do something for a while or keep quiet; then the first fiber is woken, from
// inside or outside, and some time later the second. Told or not, no wake-up is lost.
void wake_in_time(sim& world) {
  enum { quiet, guards, waits, wakes, races, races_waiting };
  const std::uint64_t how = world.random(6);
  const bool at_the_second = how == races || how == races_waiting;
  const deadline time = world.in(at_the_second ? 1s : 2500ms);
  reports::clear();
  event first, second, gone;
  std::size_t before = 0, after = 0;
  {
    runtime rt{watched(1 + static_cast<unsigned>(world.random(2)))};
    const auto passes_time = [&] {
      std::optional<external_work> work;
      if (how == guards) work.emplace(rt);
      if (how == waits || how == races_waiting) (void)gone.wait(time);
      else this_fiber::sleep_until(time);
    };
    task<void> a = rt.spawn([&] { (void)first.wait(); });
    task<void> b = rt.spawn([&] { (void)second.wait(); });
    world.thread(passes_time);
    world.thread([&] {
      passes_time();
      before = told();
      if (how == wakes || at_the_second) first.set();
      else rt.block_on([&] { first.set(); });
      this_fiber::sleep_for(3s);
      after = told();
      second.set();
    });
    a.join();
    b.join();
    world.run();
  }
  after += told();
  switch (how) {
    case quiet:
    case wakes: world.check(before == 1 && after == 0, "not told, or twice"); break;
    case guards:
    case waits:
      world.check(before == 0 && after == 1, "told in spite of outside work, or not after it");
      break;
    default: world.check(before + after == 1, "not told, or twice");
  }
}

// The same, but a foreign thread has woken a fiber before the second was over, or has waited itself: nobody
// is told of who waits there still.
void wake_early(sim& world) {
  reports::clear();
  counting_semaphore<> first{0}, second{0};
  const bool elsewhere = world.random(2) == 0;  // b waits where the thread never was
  const bool by_waiting = world.random(2) == 0;
  counting_semaphore<>& of_b = elsewhere ? second : first;
  {
    runtime rt{watched(1 + static_cast<unsigned>(world.random(2)))};
    task<void> a = rt.spawn([&] { first.acquire(); });
    task<void> b = rt.spawn([&] { of_b.acquire(); });
    world.thread([&] {
      this_fiber::sleep_for(500ms);
      if (by_waiting) (void)first.try_acquire_for(1ms);
      else first.release();
      this_fiber::sleep_for(3s);
      if (by_waiting) first.release();
      of_b.release();
    });
    a.join();
    b.join();
    world.run();
  }
  const std::size_t expected = elsewhere && !by_waiting ? 1 : 0;  // a waits where the thread has waited
  world.check(told() == expected, "told of who waits where a foreign thread was, or of nobody else either");
}

TEST_F(Census, loses_no_wake_up_in_any_interleaving) { explore(10'000, wake_in_time); }

TEST_F(Census, is_silent_where_foreign_threads_wake_in_any_interleaving) { explore(10'000, wake_early); }

TEST_F(Census, every_operation_is_needed) {
  const std::vector<exemption> in_source = {
      {"f.owner.load(std::memory_order_relaxed) != &of_", mutation::change::drop,
       "there is one runtime here; what was there before it may have had its address or not",
       detail::step_kind::none, /*by_address=*/true},
      {"f.control.load", mutation::change::drop, "circles of joins have a test of their own"},
  };
  const auto all = [](sim& world) {
    wake_in_time(world);
    wake_early(world);
  };
  expect_mutations_found("census.hpp", 2000, all);
  expect_mutations_found("census.cpp", 2000, all, in_source);
}

}  // namespace
}  // namespace weft

// A limit on fibers: who waits for room, who is told that there is none, and who comes in all the same.
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <thread_stat.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <with_workers.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;
using weft_test::reports;
using weft_test::sleeps;
using weft_test::with_workers;

class Admission : public weft_test::leak_check {
 protected:
  Admission() { reports::clear(); }
};

options limited(std::size_t fibers, unsigned workers = 2) {
  options o = with_workers(workers);
  o.fibers_max = fibers;
  return o;
}

TEST_F(Admission, try_spawn_answers_limit_when_there_is_no_room) {
  run(
      [] {
        event go_on;
        std::vector<task<void>> tasks;
        for (int i = 0; i < 3; ++i) tasks.push_back(try_spawn([&] { (void)go_on.wait(); }).value());
        const auto refused = try_spawn([] { return 1; });
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error(), errc::limit);
        go_on.set();
        for (task<void>& t : tasks) t.join();
        EXPECT_TRUE(try_spawn([] {}));  // who has joined finds room
      },
      limited(4));
}

TEST_F(Admission, never_more_fibers_live_than_allowed_and_every_spawn_gets_through) {
  constexpr int most = 8;
  atomic<int> live{0}, highest{0}, ran{0};
  run(
      [&] {
        const int total = weft_test::scaled(2000);
        event all;
        for (int i = 0; i < total; ++i)
          go([&] {
            const int now = live.fetch_add(1) + 1;
            int seen = highest.load();
            while (seen < now && !highest.compare_exchange_weak(seen, now)) {}
            this_fiber::yield();
            live.fetch_sub(1);
            if (ran.fetch_add(1) + 1 == total) all.set();
          });
        (void)all.wait();
      },
      limited(most));
  EXPECT_LE(highest.load(), most - 1);  // the body itself is one
  EXPECT_EQ(ran.load(), weft_test::scaled(2000));
}

// A tree of spawns that join: every live fiber waits for a join or for room, and would for ever.
TEST_F(Admission, fibers_that_all_wait_for_joins_or_room_still_come_through) {
  for (const unsigned workers : {1u, 2u}) {
    atomic<int> leaves{0};
    struct tree {
      atomic<int>& leaves;
      void grow(int depth) {
        if (depth == 0) {
          leaves.fetch_add(1);
          return;
        }
        task<void> left = spawn([this, depth] { grow(depth - 1); });
        task<void> right = spawn([this, depth] { grow(depth - 1); });
        left.join();
        right.join();
      }
    } all{leaves};
    run([&] { all.grow(7); }, limited(3, workers));
    EXPECT_EQ(leaves.load(), 128);
  }
}

TEST_F(Admission, a_spawner_that_is_stopped_is_let_through) {
  run(
      [] {
        event go_on;
        task<void> holder = spawn([&] { (void)go_on.wait(); });
        bool spawned = false, stopped_child = false;
        task<void> spawner = spawn([&] {
          task<void> child = spawn([&] { stopped_child = !this_fiber::sleep_for(1h); });
          spawned = true;
          child.request_stop();
          child.join();
        });
        for (int i = 0; i < 10; ++i) this_fiber::yield();
        EXPECT_FALSE(spawned);  // three live: this one, the holder, the spawner
        spawner.request_stop();
        spawner.join();
        EXPECT_TRUE(spawned);
        EXPECT_TRUE(stopped_child);
        go_on.set();
        holder.join();
      },
      limited(3, 1));
}

TEST_F(Admission, foreign_threads_wait_for_room_too) {
  runtime rt{limited(4)};
  atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < weft_test::scaled(300); ++k)
        rt.go([&] {
          this_fiber::yield();
          ran.fetch_add(1);
        });
    });
  for (std::thread& t : threads) t.join();
  ASSERT_TRUE(rt.stop(60s));
  EXPECT_EQ(ran.load(), 6 * weft_test::scaled(300));
}

// stop() waits for a thread that waits for room, so the fiber for which it waits runs.
TEST_F(Admission, a_thread_that_waits_for_room_while_the_runtime_stops_spawns_all_the_same) {
  for (int i = 0; i < weft_test::scaled(200); ++i) {
    runtime rt{limited(1)};
    atomic<bool> ran{false};
    atomic<pid_t> spawner{0};
    event go_on;
    rt.go([&] {
      const cancellation_shield deaf;
      (void)go_on.wait();
    });
    std::thread outside{[&] {
      spawner.store(gettid());
      rt.go([&] { ran.store(true); });
    }};
    // A thread that comes when all has ended makes a mistake: it must be waiting by then.
    while (spawner.load() == 0 || !sleeps(spawner.load())) std::this_thread::yield();
    rt.request_stop();
    go_on.set();
    outside.join();
    ASSERT_TRUE(rt.stop(10s));
    ASSERT_TRUE(ran.load());
  }
}

TEST_F(Admission, a_callable_that_cannot_be_stored_gives_its_place_back) {
  struct throws_when_moved {
    explicit throws_when_moved(int* moves) : left{moves} {}
    throws_when_moved(const throws_when_moved& other) : left{other.left} { hurt(); }
    void operator()() const {}
    void hurt() const {
      if (--*left < 0) throw std::runtime_error{"moved"};
    }
    int* left;
  };
  run(
      [] {
        for (int allowed = 0; allowed < 6; ++allowed) {
          int left = allowed;
          try {
            spawn(throws_when_moved{&left}).join();
          } catch (const std::runtime_error&) {}
        }
        task<void> there = spawn([] {});  // there is room
        there.join();
      },
      limited(2, 1));
  runtime rt{limited(1)};
  int left = 0;
  EXPECT_THROW(rt.go(throws_when_moved{&left}), std::runtime_error);
  rt.block_on([] {});
}

}  // namespace
}  // namespace weft

// What workers do with fibers: order, priorities, places, stealing.
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;

class Scheduler : public weft_test::leak_check {};

const options one_worker{.workers = 1};
const options two_workers{.workers = 2};

// --- order

TEST_F(Scheduler, runs_fibers_in_the_order_in_which_they_became_ready) {
  std::string order;
  run(
      [&] {
        std::vector<task<void>> tasks;
        for (char c = 'a'; c < 'e'; ++c)
          tasks.push_back(spawn([&order, c] {
            for (int i = 0; i < 3; ++i) {
              order += c;
              this_fiber::yield();
            }
          }));
        for (task<void>& t : tasks) t.join();
      },
      one_worker);
  EXPECT_EQ(order, "abcdabcdabcd");
}

// Started fibers lie in one queue, unstarted ones in another: neither overtakes the other.
TEST_F(Scheduler, started_and_unstarted_fibers_take_turns_in_order_of_arrival) {
  std::string order;
  run(
      [&] {
        std::vector<task<void>> tasks;
        tasks.push_back(spawn([&] {
          order += 'a';
          this_fiber::yield();  // behind b, before the others
          order += 'A';
        }));
        tasks.push_back(spawn([&] {
          order += 'b';
          tasks.push_back(spawn([&] { order += 'c'; }));
          this_fiber::yield();
          order += 'B';
        }));
        this_fiber::yield();
        order += '0';
        this_fiber::yield();
        order += '1';
        for (std::size_t i = 0; i < 3; ++i) tasks[i].join();
      },
      one_worker);
  EXPECT_EQ(order, "ab0AcB1");
}

TEST_F(Scheduler, a_fiber_spawned_by_its_own_worker_runs_after_its_spawner_parks_and_not_before) {
  std::string order;
  run(
      [&] {
        task<void> child = spawn([&] { order += 'c'; });
        order += 'p';
        child.join();
        order += 'q';
      },
      one_worker);
  EXPECT_EQ(order, "pcq");
}

// --- pinned fibers

// A pinned fiber lies among the started ones, without a stack: a yield must not switch to it as if it had
// one.
TEST_F(Scheduler, a_yield_can_go_on_with_a_pinned_fiber_that_has_not_started) {
  int ran = 0;
  run(
      [&] {
        for (int i = 1; i < 100; ++i) {
          task<void> pinned = spawn([&] { ++ran; }, {.worker = 0});
          this_fiber::yield();
          ASSERT_EQ(ran, i);
          pinned.join();
        }
      },
      one_worker);
}

TEST_F(Scheduler, a_pinned_fiber_runs_on_its_worker) {
  run(
      [] {
        for (unsigned i = 0; i < 200; ++i) {
          const unsigned wanted = i % 4;
          const unsigned got =
              spawn([] { return detail::worker::current()->index(); }, {.worker = wanted}).join();
          EXPECT_EQ(got, wanted);
        }
      },
      {.workers = 4});
}

// --- priorities

std::string run_levels(const std::vector<std::pair<char, priority>>& fibers) {
  std::string order;
  run(
      [&] {
        std::vector<task<void>> tasks;
        for (const auto& [c, level] : fibers)
          tasks.push_back(spawn([&order, letter = c] { order += letter; }, {.priority = level}));
        for (task<void>& t : tasks) t.join();
      },
      one_worker);
  return order;
}

TEST_F(Scheduler, higher_levels_run_first) {
  EXPECT_EQ(run_levels({{'d', priority::background},
                        {'c', priority::normal},
                        {'b', priority::high},
                        {'a', priority::critical}}),
            "abcd");
}

TEST_F(Scheduler, a_busy_higher_level_does_not_starve_a_lower_one) {
  int turns = 0;
  run(
      [&] {
        bool ran = false;
        const task<void> low = spawn([&] { ran = true; }, {.priority = priority::background});
        while (!ran && turns < 100'000) {
          ++turns;
          this_fiber::yield();
        }
      },
      one_worker);
  EXPECT_LE(turns, 2 * 16);  // one lower pick per batch, and a batch is 16 turns here
}

// The one lower pick per batch goes round, or it would always go to the second level.
TEST_F(Scheduler, several_busy_higher_levels_do_not_starve_the_lowest) {
  int turns = 0;
  run(
      [&] {
        bool ran = false;
        std::vector<task<void>> tasks;
        for (const priority p : {priority::normal, priority::high, priority::critical})
          tasks.push_back(spawn(
              [&] {
                while (!ran && turns < 100'000) {
                  ++turns;
                  this_fiber::yield();
                }
              },
              {.priority = p}));
        tasks.push_back(spawn([&] { ran = true; }, {.priority = priority::background}));
        for (task<void>& t : tasks) t.join();
        EXPECT_TRUE(ran);
      },
      one_worker);
  EXPECT_LE(turns, 10 * 16);
}

// --- between batches

// A fiber that is alone yields without a switch; timers and messages must not wait for ever, in a catch
// either.
TEST_F(Scheduler, a_lone_fiber_that_yields_lets_timers_and_messages_come) {
  runtime rt{one_worker};
  rt.block_on([&] {
    bool woke = false;
    const task<void> sleeper = spawn([&] {
      this_fiber::sleep_for(1ms);  // real time: the clock of the worker's timers is what is tested
      woke = true;
    });
    for (int i = 0; i < 1'000'000'000 && !woke; ++i) this_fiber::yield();
    EXPECT_TRUE(woke);
  });
}

TEST_F(Scheduler, a_lone_fiber_that_yields_inside_a_catch_lets_timers_and_messages_come) {
  runtime rt{one_worker};
  rt.block_on([&] {
    bool woke = false;
    const task<void> sleeper = spawn([&] {
      this_fiber::sleep_for(1ms);  // real time: as above
      woke = true;
    });
    this_fiber::yield();
    try {
      throw 1;
    } catch (int) {
      for (int i = 0; i < 10'000'000 && !woke; ++i) this_fiber::yield();
      EXPECT_TRUE(woke);
    }
  });
}

// --- several workers

TEST_F(Scheduler, an_idle_worker_steals_fibers_that_have_not_started) {
  run(
      [] {
        constexpr int fibers = 64;
        atomic<int> here{0}, elsewhere{0};
        std::vector<task<void>> tasks;
        const unsigned mine = detail::worker::current()->index();
        for (int i = 0; i < fibers; ++i)
          tasks.push_back(
              spawn([&] { (detail::worker::current()->index() == mine ? here : elsewhere).fetch_add(1); }));
        // This worker is stuck, as in a system call, until the other has done its work.
        for (int i = 0; i < 100'000 && elsewhere.load() < fibers - 1; ++i) std::this_thread::yield();
        EXPECT_GT(elsewhere.load(), 0);
        for (task<void>& t : tasks) t.join();
        EXPECT_EQ(here.load() + elsewhere.load(), fibers);
      },
      two_workers);
}

TEST_F(Scheduler, a_fiber_stays_on_the_worker_where_it_has_started) {
  atomic<int> moved{0};
  run(
      [&] {
        std::vector<task<void>> tasks;
        for (int i = 0; i < 200; ++i)
          tasks.push_back(spawn([&] {
            const pthread_t home = pthread_self();
            for (int k = 0; k < 50; ++k) {
              this_fiber::yield();
              if (pthread_equal(home, pthread_self()) == 0) moved.fetch_add(1);
            }
          }));
        for (task<void>& t : tasks) t.join();
      },
      {.workers = 4});
  EXPECT_EQ(moved.load(), 0);
}

TEST_F(Scheduler, a_fiber_that_another_worker_has_stolen_is_joined_and_woken_from_there) {
  run(
      [] {
        for (int i = 0; i < weft_test::scaled(300); ++i) {
          std::vector<task<int>> tasks;
          for (int k = 0; k < 20; ++k)
            tasks.push_back(spawn([k] {
              this_fiber::yield();
              return k;
            }));
          int sum = 0;
          for (task<int>& t : tasks) sum += t.join();
          ASSERT_EQ(sum, 190);
        }
      },
      two_workers);
}

// --- where the threads run

TEST_F(Scheduler, pinned_workers_are_bound_to_one_cpu_each) {
  const auto cpus_of_a_worker = [](const options& o) {
    return run(
        [] {
          cpu_set_t set;
          return pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
        },
        o);
  };
  EXPECT_EQ(cpus_of_a_worker({.workers = 2, .pin = true}), 1);
  cpu_set_t mine;
  ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
  EXPECT_EQ(cpus_of_a_worker({.workers = 2}), CPU_COUNT(&mine));
}

}  // namespace
}  // namespace weft

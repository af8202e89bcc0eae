// this_fiber, exceptions in flight, and on_thread_stack: what a fiber sees of itself.
#include <chrono>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <smallest_stack.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class ThisFiber : public weft_test::leak_check {};
class Exceptions : public weft_test::leak_check {};
class OnThreadStack : public weft_test::leak_check {};

const options one_worker{.workers = 1};

// --- sleep

TEST_F(ThisFiber, sleep_is_never_early_and_not_for_ever) {
  run(
      [] {
        std::vector<task<void>> tasks;
        for (int i = 0; i < 50; ++i)
          tasks.push_back(spawn([i] {
            const auto time = std::chrono::microseconds{i * 97};
            const auto begin = steady::now();
            EXPECT_TRUE(this_fiber::sleep_for(time));  // real time: the kernel's clock is what is tested
            EXPECT_GE(steady::now() - begin, time);
            EXPECT_LT(steady::now() - begin, time + 10s);
          }));
        for (task<void>& t : tasks) t.join();
      },
      {.workers = 2});
}

TEST_F(ThisFiber, sleep_until_a_point_is_never_early) {
  run(
      [] {
        const auto until = steady::now() + 3ms;
        EXPECT_TRUE(this_fiber::sleep_until(until));  // real time: as above
        EXPECT_GE(steady::now(), until);
        EXPECT_TRUE(this_fiber::sleep_until(until));  // has passed
      },
      one_worker);
}

TEST_F(ThisFiber, sleeping_for_no_time_returns) {
  run(
      [] {
        EXPECT_TRUE(this_fiber::sleep_for(0ns));
        EXPECT_TRUE(this_fiber::sleep_for(-1h));
      },
      one_worker);
}

TEST_F(ThisFiber, a_foreign_thread_sleeps_and_yields_as_a_thread_does) {
  const auto begin = steady::now();
  EXPECT_TRUE(this_fiber::sleep_for(2ms));  // real time: as above
  EXPECT_GE(steady::now() - begin, 2ms);
  this_fiber::yield();
  EXPECT_EQ(this_fiber::get_id(), fiber_id{});
  EXPECT_EQ(this_fiber::name(), "");
  EXPECT_FALSE(this_fiber::stop_requested());
  EXPECT_FALSE(this_fiber::get_stop_token().stop_possible());
  EXPECT_TRUE(this_fiber::checkpoint());
}

// --- names and ids

TEST_F(ThisFiber, has_the_name_that_it_was_spawned_with) {
  run(
      [] {
        EXPECT_EQ(this_fiber::name(), "");
        spawn([] { EXPECT_EQ(this_fiber::name(), "reader"); }, {.name = "reader"}).join();
        spawn([] { EXPECT_EQ(this_fiber::name(), std::string(31, 'x')); }, {.name = std::string(40, 'x')})
            .join();
        spawn([] { EXPECT_EQ(this_fiber::name(), ""); }).join();  // its block was another's
      },
      one_worker);
}

TEST_F(ThisFiber, ids_are_never_used_twice) {
  std::set<fiber_id> seen;
  for (int i = 0; i < 3; ++i) {
    runtime rt{{.workers = 2}};
    for (int k = 0; k < 50; ++k)
      EXPECT_TRUE(seen.insert(rt.block_on([] { return this_fiber::get_id(); })).second);
    const auto ids = rt.block_on([] {
      std::vector<task<fiber_id>> tasks;
      for (int k = 0; k < 500; ++k) tasks.push_back(spawn([] { return this_fiber::get_id(); }));
      std::vector<fiber_id> all;
      for (task<fiber_id>& t : tasks) {
        const fiber_id outside = t.get_id();
        all.push_back(t.join());
        EXPECT_EQ(all.back(), outside);
      }
      return all;
    });
    for (const fiber_id id : ids) EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(seen.count(fiber_id{}), 0u);
}

TEST_F(ThisFiber, checkpoint_lets_others_run_and_tells_of_a_stop) {
  run(
      [] {
        bool other_ran = false;
        const task<void> other = spawn([&] { other_ran = true; });
        EXPECT_TRUE(this_fiber::checkpoint());
        EXPECT_TRUE(other_ran);
        task<result<void>> stopped = spawn([]() -> result<void> { return this_fiber::checkpoint(); });
        stopped.request_stop();
        EXPECT_EQ(stopped.join(), result<void>{std::unexpected(errc::canceled)});
      },
      one_worker);
}

// --- exceptions

TEST_F(Exceptions, fibers_suspended_inside_catch_each_rethrow_their_own) {
  std::string caught;
  run(
      [&] {
        std::vector<task<void>> tasks;
        for (const char* const name : {"a", "b", "c"})
          tasks.push_back(spawn([&caught, name] {
            try {
              throw std::runtime_error{name};
            } catch (...) {
              this_fiber::yield();
              EXPECT_TRUE(this_fiber::sleep_for(50us));
              this_fiber::yield();
              try {
                throw;
              } catch (const std::runtime_error& e) {
                EXPECT_STREQ(e.what(), name);
                caught += e.what();
              }
            }
            EXPECT_EQ(std::current_exception(), nullptr);
          }));
        for (task<void>& t : tasks) t.join();
      },
      one_worker);
  EXPECT_EQ(caught.size(), 3u);
}

TEST_F(Exceptions, a_fiber_that_joins_inside_catch_keeps_its_exception) {
  run(
      [] {
        try {
          throw 1;
        } catch (int) {
          EXPECT_THROW(spawn([] {
                         EXPECT_EQ(std::current_exception(), nullptr);  // the joiner's is not ours
                         throw std::runtime_error{"x"};
                       }).join(),
                       std::runtime_error);
          try {
            throw;
          } catch (int i) {
            EXPECT_EQ(i, 1);
          }
        }
      },
      one_worker);
}

// A destructor that runs because of an exception may suspend: the others must not seem to unwind meanwhile.
TEST_F(Exceptions, a_fiber_may_suspend_while_it_unwinds) {
  run(
      [] {
        struct yields {
          ~yields() {
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            this_fiber::yield();
            (void)this_fiber::sleep_for(50us);
            EXPECT_EQ(std::uncaught_exceptions(), 1);
          }
        };
        std::vector<task<void>> tasks;
        for (int i = 0; i < 3; ++i)
          tasks.push_back(spawn([] {
            const yields on_the_way;
            throw std::runtime_error{"x"};
          }));
        tasks.push_back(spawn([] {
          for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(std::uncaught_exceptions(), 0);
            this_fiber::yield();
          }
        }));
        for (std::size_t i = 0; i < 3; ++i) EXPECT_THROW(tasks[i].join(), std::runtime_error);
        tasks[3].join();
      },
      one_worker);
}

TEST_F(Exceptions, are_thrown_and_caught_on_a_small_stack_after_a_yield) {
  run(
      [] {
        const int sum = spawn(
                            [] {
                              int caught = 0;
                              for (int i = 0; i < 100; ++i) {
                                try {
                                  this_fiber::yield();
                                  throw i;
                                } catch (int v) {
                                  caught += v;
                                }
                              }
                              return caught;
                            },
                            {.stack = stack_class::kib16})
                            .join();
        EXPECT_EQ(sum, 4950);
      },
      one_worker);
}

// --- on_thread_stack

TEST_F(OnThreadStack, gives_what_the_call_gives) {
  run(
      [] {
        EXPECT_EQ(on_thread_stack([] { return 3; }), 3);
        EXPECT_EQ(*on_thread_stack([] { return std::make_unique<int>(4); }), 4);
        int target = 1;
        int& same = on_thread_stack([&]() -> int& { return target; });
        EXPECT_EQ(&same, &target);
        bool ran = false;
        on_thread_stack([&] { ran = true; });
        EXPECT_TRUE(ran);
        EXPECT_EQ(on_thread_stack([]() -> result<int> { return std::unexpected(errc::limit); }),
                  result<int>{std::unexpected(errc::limit)});
      },
      one_worker);
}

TEST_F(OnThreadStack, rethrows) {
  run(
      [] {
        EXPECT_THROW(on_thread_stack([] { throw std::runtime_error{"x"}; }), std::runtime_error);
        EXPECT_THROW((void)on_thread_stack([]() -> int { throw 1; }), int);
      },
      one_worker);
}

TEST_F(OnThreadStack, inside_a_catch_the_call_does_not_see_the_exception_and_the_fiber_keeps_it) {
  run(
      [] {
        try {
          throw 7;
        } catch (int) {
          on_thread_stack([] { EXPECT_EQ(std::current_exception(), nullptr); });
          EXPECT_NE(std::current_exception(), nullptr);
        }
      },
      one_worker);
}

WEFT_NOINLINE std::size_t descend(std::size_t bytes) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(bytes);
  frame[4095] = 1;
  const std::size_t below = bytes <= sizeof frame ? 0 : descend(bytes - sizeof frame);
  return below + sizeof frame + static_cast<std::size_t>(frame[0] * 0);
}

TEST_F(OnThreadStack, has_room_for_four_mebibytes) {
  run(
      [] {
        spawn([] { EXPECT_GE(on_thread_stack([] { return descend(4 << 20); }), std::size_t{4} << 20); },
              {.stack = weft_test::smallest_stack})
            .join();
      },
      one_worker);
}

TEST_F(OnThreadStack, may_spawn_wake_and_stop_but_not_wait) {
  run(
      [] {
        event set_there;
        task<void> waiter = spawn([&] { EXPECT_TRUE(set_there.wait()); });
        this_fiber::yield();
        task<int> spawned = on_thread_stack([&] {
          set_there.set();
          return spawn([] { return 6; });
        });
        waiter.join();
        EXPECT_EQ(spawned.join(), 6);
      },
      one_worker);
}

TEST_F(OnThreadStack, is_a_plain_call_on_a_foreign_thread) {
  const std::thread::id here = std::this_thread::get_id();
  EXPECT_EQ(on_thread_stack([] { return std::this_thread::get_id(); }), here);
}

// --- failed assertions

TEST(AssertDeathTest, names_the_fiber_that_failed_it_and_where_that_was_spawned) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run(
                   [] {
                     const int two = 2;
                     spawn([two] { WEFT_ASSERT(two == 3, "so it was hoped"); }, {.name = "hopeful"}).join();
                   },
                   one_worker),
               "so it was hoped(.|\n)*left   2\n.*right  3\n  fiber  fiber [0-9]+ .hopeful. "
               "\\(spawned at .*this_fiber_test.cpp:[0-9]+ in ");
}

TEST(OnThreadStackDeathTest, suspending_there_is_the_callers_mistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([] { on_thread_stack([] { this_fiber::sleep_for(1ms); }); }, one_worker), "may wait");
  EXPECT_DEATH(run([] { on_thread_stack([] { spawn([] {}).join(); }); }, one_worker), "may wait");
  EXPECT_DEATH(run([] { on_thread_stack([] { this_fiber::yield(); }); }, one_worker), "may wait");
}

}  // namespace
}  // namespace weft

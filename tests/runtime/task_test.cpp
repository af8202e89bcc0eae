// task: what join gives and when, and lives of different length.
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <task_fixture.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;
using weft_test::in_fiber;
using weft_test::reports;
using weft_test::Task;
using weft_test::with_workers;

// Counts how many of it exist.
struct counted {
  explicit counted(int& of) : count{&of} { ++*count; }
  counted(const counted& other) : count{other.count} { ++*count; }
  ~counted() { --*count; }
  counted& operator=(const counted&) = delete;
  int* count;
};

// --- what join gives

TEST_F(Task, join_gives_what_the_fiber_returned) {
  in_fiber([] {
    EXPECT_EQ(spawn([] { return 7; }).join(), 7);
    EXPECT_EQ(spawn([] { return std::string(1000, 'x'); }).join().size(), 1000u);
    bool ran = false;
    spawn([&] { ran = true; }).join();
    EXPECT_TRUE(ran);
  });
}

TEST_F(Task, join_gives_results_that_only_move) {
  in_fiber([] {
    auto value = std::make_unique<int>(5);
    const std::unique_ptr<int> got = spawn([v = std::move(value)]() mutable { return std::move(v); }).join();
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(*got, 5);
  });
}

// 64 bytes fit into the control block; what is larger lies on the heap, and both go.
template <std::size_t Size>
void large_callable_and_result() {
  using block = std::array<unsigned char, Size>;
  in_fiber([] {
    block given;
    given.fill(0x5a);
    int alive = 0;
    struct result_type {
      block bytes;
      counted c;
    };
    {
      const result_type got =
          spawn([given, c = counted{alive}, &alive] { return result_type{given, counted{alive}}; }).join();
      EXPECT_EQ(got.bytes, given);
      EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
  });
}

TEST_F(Task, callables_and_results_of_any_size_arrive_whole) {
  large_callable_and_result<1>();
  large_callable_and_result<48>();
  large_callable_and_result<56>();
  large_callable_and_result<57>();
  large_callable_and_result<64>();
  large_callable_and_result<65>();
  large_callable_and_result<4000>();
}

TEST_F(Task, a_callable_with_a_large_alignment_is_aligned) {
  struct alignas(64) wide {
    int value = 3;
  };
  in_fiber([] {
    wide w;
    EXPECT_TRUE(spawn([w] {
                  return reinterpret_cast<std::uintptr_t>(&w) % alignof(wide) == 0 && w.value == 3;
                }).join());
  });
}

TEST_F(Task, callable_and_captures_are_gone_when_join_returns) {
  in_fiber([] {
    int alive = 0;
    task<int> t = spawn([c = counted{alive}] { return 1; });
    EXPECT_EQ(alive, 1);
    t.join();
    EXPECT_EQ(alive, 0);
    task<void> thrower = spawn([c = counted{alive}] { throw std::runtime_error{"x"}; });
    EXPECT_THROW(thrower.join(), std::runtime_error);
    EXPECT_EQ(alive, 0);
  });
}

TEST_F(Task, join_rethrows_what_the_fiber_threw) {
  in_fiber([] {
    EXPECT_THROW(spawn([] { throw std::runtime_error{"x"}; }).join(), std::runtime_error);
    EXPECT_THROW(spawn([]() -> int { throw 3; }).join(), int);
    try {
      (void)spawn([]() -> result<int> { throw std::logic_error{"why"}; }).join();
      ADD_FAILURE() << "join did not rethrow";
    } catch (const std::logic_error& e) {
      EXPECT_STREQ(e.what(), "why");
    }
  });
}

TEST_F(Task, join_gives_errors_as_they_are) {
  in_fiber([] {
    const result<int> got = spawn([]() -> result<int> { return std::unexpected(errc::protocol); }).join();
    EXPECT_EQ(got, result<int>{std::unexpected(errc::protocol)});
    const result<int> lifted =
        spawn([]() -> result<int> { return 4; }).join(1h);  // result<int>, not of a result
    EXPECT_EQ(lifted, result<int>{4});
    const result<void> of_void = spawn([] {}).join(1h);
    EXPECT_TRUE(of_void);
  });
}

TEST_F(Task, names_its_fiber_until_it_is_joined_moved_from_or_detached) {
  in_fiber([] {
    task<int> none;
    EXPECT_FALSE(none.joinable());
    EXPECT_EQ(none.get_id(), fiber_id{});
    fiber_id inside{};
    task<void> t = spawn([&] { inside = this_fiber::get_id(); });
    const fiber_id outside = t.get_id();
    EXPECT_NE(outside, fiber_id{});
    task<void> moved = std::move(t);
    EXPECT_FALSE(t.joinable());  // NOLINT(bugprone-use-after-move): what a moved-from task says is the test
    EXPECT_TRUE(moved.joinable());
    moved.join();
    EXPECT_FALSE(moved.joinable());
    EXPECT_EQ(inside, outside);
    task<void> detached = spawn([] {});
    detached.detach();
    EXPECT_FALSE(detached.joinable());
  });
}

TEST_F(Task, assigning_over_a_task_stops_and_joins_what_it_named) {
  in_fiber([] {
    bool stopped = false;
    task<void> t = spawn([&] { stopped = !this_fiber::sleep_until(deadline::never()); });
    t = spawn([] {});
    EXPECT_TRUE(stopped);
    t.join();
  });
}

TEST(TaskDeathTest, joining_twice_is_the_callers_mistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([] {
                 task<void> t = spawn([] {});
                 t.join();
                 t.join();
               }),
               "join\\(\\) of a task");
}

// --- join with a deadline

TEST_F(Task, join_until_says_that_the_fiber_still_runs_and_can_be_asked_again) {
  in_fiber([] {
    event go_on;
    task<int> t = spawn([&] { return go_on.wait() ? 9 : -1; });
    EXPECT_EQ(t.join(0ns), result<int>{std::unexpected(errc::deadline_exceeded)});
    EXPECT_TRUE(t.joinable());
    EXPECT_EQ(t.join(100us), result<int>{std::unexpected(errc::deadline_exceeded)});
    EXPECT_TRUE(t.joinable());
    go_on.set();
    EXPECT_EQ(t.join(1h), result<int>{9});
    EXPECT_FALSE(t.joinable());
  });
}

TEST_F(Task, join_until_of_an_ended_fiber_needs_no_time) {
  in_fiber([] {
    task<int> t = spawn([] { return 1; });
    this_fiber::yield();
    EXPECT_EQ(t.join(deadline::past()), result<int>{1});
  });
}

TEST_F(Task, join_until_is_a_cancellation_point) {
  in_fiber([] {
    event never;
    task<void> waited_for = spawn([&] { (void)never.wait(); });
    result<void> got;
    task<void> joiner = spawn([&] { got = waited_for.join(1h); });
    this_fiber::yield();
    this_fiber::yield();
    joiner.request_stop();
    joiner.join();
    EXPECT_EQ(got, result<void>{std::unexpected(errc::canceled)});
    EXPECT_TRUE(waited_for.joinable());
  });
}

// Timeout, end, and stop of a joiner on different workers, as close together as they come.
TEST_F(Task, a_join_that_times_out_while_the_fiber_ends_is_one_or_the_other) {
  int ended = 0, timed_out = 0;
  run(
      [&] {
        for (int i = 0; i < weft_test::scaled(3000); ++i) {
          const deadline when{std::chrono::microseconds{20 + i % 60}};
          task<int> t = spawn(
              [when, i] {
                while (!when.expired()) detail::cpu_pause();
                return i;
              },
              {.worker = 1});
          if (const result<int> got = t.join(when)) {
            ASSERT_EQ(*got, i);
            ++ended;
          } else {
            ASSERT_EQ(got.error(), errc::deadline_exceeded);
            ++timed_out;
            ASSERT_EQ(t.join(), i);
          }
        }
      },
      with_workers(2));
  std::printf("ended first %d, timed out first %d\n", ended, timed_out);
}

// --- a fiber's value that nobody takes

// Its destructor is user's code and may wait, as that of a socket or of a task does.
TEST_F(Task, the_result_of_a_detached_fiber_is_destroyed_where_it_may_wait) {
  int destroyed = 0;
  struct waits_at_the_end {
    int* count;
    explicit waits_at_the_end(int& c) : count{&c} {}
    waits_at_the_end(waits_at_the_end&& other) noexcept : count{std::exchange(other.count, nullptr)} {}
    ~waits_at_the_end() {
      if (count == nullptr) return;
      const cancellation_shield finish;
      EXPECT_TRUE(this_fiber::sleep_for(10us));
      this_fiber::yield();
      ++*count;
    }
  };
  in_fiber([&] {
    spawn([&] { return waits_at_the_end{destroyed}; }).detach();
    spawn([&] { return spawn([&] { ++destroyed; }); }).detach();
    task<waits_at_the_end> late = spawn([&] { return waits_at_the_end{destroyed}; });
    this_fiber::sleep_for(200us);
    late.detach();
    EXPECT_EQ(destroyed, 3);
  });
}

// --- lives of different length

TEST_F(Task, a_task_outlives_its_runtime) {
  task<std::string> value;
  task<void> failed;
  task<void> failed_and_forgotten;
  {
    runtime rt{with_workers(2)};
    value = rt.spawn([] { return std::string(100, 'v'); });
    failed = rt.spawn([] { throw std::runtime_error{"kept"}; });
    failed_and_forgotten = rt.spawn([] { throw std::runtime_error{"forgotten"}; });
    ASSERT_TRUE(rt.stop());
  }
  EXPECT_EQ(value.join(), std::string(100, 'v'));
  EXPECT_THROW(failed.join(), std::runtime_error);
  failed_and_forgotten = {};  // its error sink is gone, and so is whoever would hear of it
  reports::clear();
}

TEST_F(Task, foreign_threads_spawn_and_join) {
  runtime rt{with_workers(2)};
  std::vector<std::thread> threads;
  atomic<int> sum{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < weft_test::scaled(500); ++k) {
        task<int> t = rt.spawn([i] {
          this_fiber::yield();
          return i;
        });
        sum.fetch_add(k % 2 == 0 ? t.join() : t.join(1h).value());
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum.load(), 6 * weft_test::scaled(500));
}

// The thread may end as soon as it sees the end of its wait; who woke it must not look at it again.
TEST_F(Task, a_thread_may_end_right_after_its_join) {
  runtime rt{with_workers(2)};
  for (int i = 0; i < weft_test::scaled(2000); ++i)
    std::thread{[&] { rt.spawn([] { this_fiber::yield(); }).join(); }}.join();
}

TEST_F(Task, a_foreign_thread_joins_with_a_deadline) {
  runtime rt{with_workers(1)};
  event go_on;
  task<int> t = rt.spawn([&] { return go_on.wait() ? 1 : 0; });
  EXPECT_EQ(t.join(1ms), result<int>{std::unexpected(errc::deadline_exceeded)});
  go_on.set();
  EXPECT_EQ(t.join(1h), result<int>{1});
}

TEST_F(Task, a_hundred_thousand_cycles_leave_nothing_behind) {
  in_fiber([] {
    auto& slabs = detail::process_slabs<sizeof(detail::fiber)>();
    spawn([] {}).join();
    const std::size_t fibers = slabs.count().in_use;
    const auto stacks = detail::worker::current()->owner().stacks().count().in_use;
    for (int i = 0; i < 100'000; ++i) {
      if (i % 4 == 0) go([] {});
      spawn([] {}).join();
    }
    this_fiber::yield();
    EXPECT_EQ(slabs.count().in_use, fibers);
    EXPECT_EQ(detail::worker::current()->owner().stacks().count().in_use, stacks);
  });
}

}  // namespace
}  // namespace weft

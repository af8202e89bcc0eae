// task: what join gives, what stop means, and who hears of a failure.
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
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
using weft_test::with_workers;

class Task : public weft_test::leak_check {
 protected:
  Task() { reports::clear(); }
  ~Task() override {
    EXPECT_EQ(reports::take(), std::vector<std::string>{}) << "reports that no test asked for";
  }
};

/// Runs f in a fiber of a runtime with one worker.
template <class F>
auto in_fiber(F f) {
  return run(f, with_workers(1));
}

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

// --- stopping

TEST_F(Task, a_fiber_that_is_stopped_before_it_starts_begins_with_the_request) {
  in_fiber([] {
    bool ran = false, requested = false;
    task<void> t = spawn([&] {
      ran = true;
      requested = this_fiber::stop_requested();
    });
    EXPECT_TRUE(t.request_stop());
    EXPECT_FALSE(t.request_stop());  // it had been asked
    t.join();
    EXPECT_TRUE(ran);
    EXPECT_TRUE(requested);
  });
}

TEST_F(Task, a_stop_ends_the_present_wait_and_all_later_ones) {
  in_fiber([] {
    std::vector<result<void>> waits;
    event never;
    task<void> t = spawn([&] {
      waits.push_back(this_fiber::sleep_until(deadline::never()));
      waits.push_back(never.wait());
      waits.push_back(this_fiber::sleep_for(1h));
      waits.push_back(this_fiber::checkpoint());
    });
    this_fiber::yield();
    t.request_stop();
    t.join();
    EXPECT_EQ(waits, std::vector<result<void>>(4, std::unexpected(errc::canceled)));
  });
}

TEST_F(Task, a_shield_hides_the_stop_while_it_lives) {
  in_fiber([] {
    result<void> shielded, afterwards;
    task<void> t = spawn([&] {
      {
        const cancellation_shield hidden;
        EXPECT_FALSE(this_fiber::stop_requested());
        shielded = this_fiber::sleep_for(100us);
      }
      EXPECT_TRUE(this_fiber::stop_requested());
      afterwards = this_fiber::sleep_for(1h);
    });
    t.request_stop();
    t.join();
    EXPECT_TRUE(shielded);
    EXPECT_EQ(afterwards, result<void>{std::unexpected(errc::canceled)});
  });
}

TEST_F(Task, a_joiner_that_is_stopped_passes_the_stop_on_and_waits_for_the_end) {
  in_fiber([] {
    bool inner_canceled = false, joined = false;
    task<void> outer = spawn([&] {
      task<void> inner = spawn([&] {
        inner_canceled = !this_fiber::sleep_until(deadline::never());
        this_fiber::yield();
      });
      inner.join();
      joined = inner_canceled;
    });
    this_fiber::yield();
    this_fiber::yield();
    outer.request_stop();
    outer.join();
    EXPECT_TRUE(inner_canceled);
    EXPECT_TRUE(joined);
  });
}

// The stop goes from joiner to joined without recursion: on a fiber's stack there is no room for it.
TEST_F(Task, a_stop_goes_down_a_long_chain_of_joins) {
  constexpr int length = 3000;
  for (const unsigned workers : {1u, 3u})
    run(
        [&] {
          atomic<int> canceled{0}, parked{0};
          struct chain {
            atomic<int>&canceled, &parked;
            void link(int left) {
              if (left == 0) {
                parked.fetch_add(1);
                canceled.fetch_add(!this_fiber::sleep_until(deadline::never()));
                return;
              }
              task<void> next = spawn([this, left] { link(left - 1); }, {.stack = stack_class::kib16});
              parked.fetch_add(1);
              next.join();
              canceled.fetch_add(this_fiber::stop_requested());
            }
          } all{canceled, parked};
          task<void> first = spawn([&] { all.link(length); });
          while (parked.load() <= length) this_fiber::yield();
          task<void> stopper = spawn([&] { first.request_stop(); }, {.stack = stack_class::kib4});
          stopper.join();
          first.join();
          EXPECT_EQ(canceled.load(), length + 1);
        },
        with_workers(workers));
}

TEST_F(Task, destroying_a_task_stops_its_fiber_and_waits_for_it) {
  in_fiber([] {
    bool canceled = false;
    {
      const task<void> t = spawn([&] { canceled = !this_fiber::sleep_until(deadline::never()); });
      this_fiber::yield();
    }
    EXPECT_TRUE(canceled);
  });
}

// --- stop tokens

TEST_F(Task, a_body_may_take_the_stop_token_as_that_of_a_jthread_does) {
  in_fiber([] {
    bool possible = false, before = true, after = false;
    event started;
    task<void> t = spawn([&](std::stop_token token) {
      possible = token.stop_possible();
      before = token.stop_requested();
      started.set();
      this_fiber::sleep_until(deadline::never());
      after = token.stop_requested();
    });
    (void)started.wait();
    t.request_stop();
    t.join();
    EXPECT_TRUE(possible);
    EXPECT_FALSE(before);
    EXPECT_TRUE(after);
  });
}

TEST_F(Task, a_stop_callback_on_the_fibers_token_runs_when_the_fiber_is_stopped) {
  in_fiber([] {
    int called = 0;
    task<void> t = spawn([&] {
      const std::stop_callback on_stop{this_fiber::get_stop_token(), [&] { ++called; }};
      EXPECT_EQ(called, 0);
      this_fiber::sleep_until(deadline::never());
      EXPECT_EQ(called, 1);
    });
    this_fiber::yield();
    t.request_stop();
    EXPECT_EQ(called, 1);
    t.join();
  });
}

TEST_F(Task, a_token_taken_after_the_stop_is_stopped) {
  in_fiber([] {
    task<bool> t = spawn([] { return this_fiber::get_stop_token().stop_requested(); });
    t.request_stop();
    EXPECT_TRUE(t.join());
  });
}

TEST_F(Task, a_token_outlives_its_fiber) {
  in_fiber([] {
    const std::stop_token kept = spawn([] { return this_fiber::get_stop_token(); }).join();
    EXPECT_FALSE(kept.stop_requested());
    EXPECT_FALSE(kept.stop_possible());  // its source is gone with the fiber
  });
}

TEST_F(Task, the_spawners_token_cancels_the_fiber_too) {
  in_fiber([] {
    std::stop_source source;
    result<void> slept;
    task<void> t =
        spawn([&] { slept = this_fiber::sleep_until(deadline::never()); }, {.stop = source.get_token()});
    this_fiber::yield();
    source.request_stop();
    t.join();
    EXPECT_EQ(slept, result<void>{std::unexpected(errc::canceled)});

    task<bool> late =
        spawn([](const std::stop_token& own) { return own.stop_requested(); }, {.stop = source.get_token()});
    EXPECT_TRUE(late.join());  // stopped before it began
  });
}

TEST_F(Task, stops_race_with_starts_and_ends_on_other_workers) {
  run(
      [] {
        for (int i = 0; i < weft_test::scaled(20'000); ++i) {
          atomic<bool> started{false};
          task<bool> t = spawn(
              [&](const std::stop_token& token) {
                started.store(true);
                (void)this_fiber::sleep_until(deadline::never());
                return token.stop_requested();
              },
              {.worker = 1});
          for (int k = i % 64; k > 0; --k) detail::cpu_pause();
          t.request_stop();
          ASSERT_TRUE(t.join());
        }
      },
      with_workers(2));
}

TEST_F(Task, stops_from_foreign_threads_race_with_the_end) {
  runtime rt{with_workers(2)};
  for (int i = 0; i < weft_test::scaled(5000); ++i) {
    task<void> t = rt.spawn([i] {
      for (int k = i % 8; k > 0; --k) this_fiber::yield();
    });
    for (int k = (i % 16) * 20; k > 0; --k) detail::cpu_pause();
    t.request_stop();
    t.join();
  }
}

// --- failures that nobody takes

TEST_F(Task, a_failure_that_nobody_joined_is_reported_with_name_and_place) {
  in_fiber([] {
    {
      const task<void> t = spawn([] { throw std::runtime_error{"out of luck"}; }, {.name = "loser"});
    }
    const auto all = reports::take();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_NE(all[0].find("\"loser\""), std::string::npos) << all[0];
    EXPECT_NE(all[0].find("out of luck"), std::string::npos) << all[0];
    EXPECT_NE(all[0].find("task_test.cpp:"), std::string::npos) << all[0];
  });
}

TEST_F(Task, an_error_value_that_nobody_joined_is_reported_unless_it_is_canceled) {
  in_fiber([] {
    {
      const auto t =
          spawn([]() -> result<void> { return std::unexpected(errc::protocol); }, {.name = "speaker"});
    }
    const auto all = reports::take();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_NE(all[0].find("\"speaker\""), std::string::npos) << all[0];
    EXPECT_NE(all[0].find(make_error_code(errc::protocol).message()), std::string::npos) << all[0];
    {
      const auto t = spawn([]() -> result<void> { return this_fiber::sleep_until(deadline::never()); });
    }
    {
      const auto t = spawn([] { return 5; });
    }
  });
}

TEST_F(Task, failures_of_detached_fibers_are_reported) {
  in_fiber([] {
    go([] { throw std::runtime_error{"first"}; });
    go([]() -> result<void> { return std::unexpected(errc::limit); });
    go([]() -> result<void> { return std::unexpected(errc::canceled); });
    go([] { throw 42; });
    task<int> t = spawn([]() -> int { throw std::runtime_error{"second"}; });
    t.detach();
    task<int> late = spawn([]() -> int { throw std::runtime_error{"third"}; });
    for (int i = 0; i < 5; ++i) this_fiber::yield();
    late.detach();  // after the end
    const auto all = reports::take();
    EXPECT_EQ(all.size(), 5u);
    for (const char* const text : {"first", "second", "third", "not a std::exception"})
      EXPECT_EQ(reports::with(all, text), 1u) << text;
  });
}

TEST_F(Task, a_failure_that_was_taken_is_not_reported) {
  in_fiber([] {
    EXPECT_THROW(spawn([] { throw 1; }).join(), int);
    EXPECT_FALSE(spawn([]() -> result<void> { return std::unexpected(errc::limit); }).join());
  });
}

TEST_F(Task, a_foreign_thread_reports_too) {
  runtime rt{with_workers(2)};
  {
    const task<void> t = rt.spawn([] { throw std::runtime_error{"from outside"}; });
  }
  EXPECT_EQ(reports::with(reports::take(), "from outside"), 1u);
}

TEST(TaskDeathTest, terminate_on_exception_ends_the_process_after_the_report) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        options o;
        o.workers = 1;
        o.terminate_on_exception = true;
        run(
            [] {
              go([] { throw std::runtime_error{"the last word"}; });
              this_fiber::sleep_until(deadline::never());
            },
            o);
      },
      "the last word");
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

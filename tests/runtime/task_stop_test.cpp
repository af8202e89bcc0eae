// task: what a stop means, and stop tokens.
#include <chrono>
#include <stop_token>
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
using weft_test::Task;
using weft_test::with_workers;

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

}  // namespace
}  // namespace weft

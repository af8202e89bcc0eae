// runtime: opening, stopping, and everything that happens while it does.
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <resource_limit.hpp>
#include <socket_pair.hpp>
#include <weft/io/io.hpp>
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
using weft_test::resource_limit;
using weft_test::socket_pair;
using weft_test::with_workers;

class Runtime : public weft_test::leak_check {
 protected:
  Runtime() { reports::clear(); }
};

// --- opening

TEST_F(Runtime, open_refuses_options_out_of_range) {
  options o;
  o.workers = 5000;
  const auto made = runtime::open(o);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::invalid_argument);
  EXPECT_THROW(runtime{o}, std::system_error);
}

// meson runs this once more with a WEFT_SIMD that does not exist.
TEST_F(Runtime, what_WEFT_SIMD_asks_for_in_vain_is_reported_once) {
  const char* const wanted = std::getenv("WEFT_SIMD");
  const bool in_vain = wanted != nullptr && std::string_view{wanted} == "none_such";
  { runtime rt{with_workers(2)}; }
  EXPECT_EQ(reports::with(reports::take(), "WEFT_SIMD is not one of"), in_vain ? 1u : 0u);
}

// A limit that leaves `more` descriptors besides those that are open.
rlim_t descriptors_and(std::size_t more) {
  return weft_test::entries_of("/proc/self/fd") - 1 + more;  // but for the one that looks
}

TEST_F(Runtime, open_without_descriptors_says_so_and_leaves_nothing_behind) {
  // It looks into memory through a pipe, and takes every object for broken where it gets none.
  if (WEFT_ASAN) GTEST_SKIP() << "UBSan itself needs descriptors";
  for (std::size_t more = 0; more < 4; ++more) {
    const resource_limit few{RLIMIT_NOFILE, descriptors_and(more)};
    const auto made = runtime::open(with_workers(4));
    if (made) continue;  // a backend that needs no more
    EXPECT_EQ(made.error(), std::errc::too_many_files_open) << made.error().message();
  }
  const resource_limit none{RLIMIT_NOFILE, descriptors_and(0)};
  EXPECT_FALSE(runtime::open(with_workers(2)));
}

TEST_F(Runtime, has_the_workers_that_it_was_asked_for) {
  for (const unsigned n : {1u, 2u, 7u}) EXPECT_EQ(runtime{with_workers(n)}.workers(), n);
  EXPECT_GE(runtime{}.workers(), 1u);
}

TEST_F(Runtime, starts_and_stops_many_times) {
  for (int i = 0; i < weft_test::scaled(200); ++i) {
    runtime rt{with_workers(1 + static_cast<unsigned>(i) % 3)};
    if (i % 2 == 0) {
      EXPECT_EQ(rt.block_on([i] { return i; }), i);
    }
  }
}

TEST_F(Runtime, several_live_side_by_side_and_call_each_other) {
  runtime a{with_workers(2)}, b{with_workers(1)};
  const int got = a.block_on([&] {
    // A fiber of one runtime may wait for one of another.
    task<int> there = b.spawn([&] {
      task<int> back = a.spawn([] { return 20; });
      this_fiber::yield();
      return back.join() + 1;
    });
    return there.join() * 2;
  });
  EXPECT_EQ(got, 42);
  b.block_on([&] { a.go([] {}); });
}

TEST_F(Runtime, several_are_opened_and_closed_by_several_threads_at_once) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([i] {
      for (int k = 0; k < weft_test::scaled(30); ++k) {
        runtime rt{with_workers(2)};
        EXPECT_EQ(rt.block_on([i] { return spawn([i] { return i; }).join(); }), i);
      }
    });
  for (std::thread& t : threads) t.join();
}

// --- run and block_on

TEST_F(Runtime, run_gives_what_the_body_gave) {
  EXPECT_EQ(run([] { return 5; }, with_workers(1)), 5);
  EXPECT_EQ(run([]() -> result<int> { return std::unexpected(errc::limit); }, with_workers(1)),
            result<int>{std::unexpected(errc::limit)});
}

TEST_F(Runtime, run_rethrows_and_stops_the_rest) {
  bool stopped = false;
  const auto body = [&] {
    go([&] { stopped = !this_fiber::sleep_until(deadline::never()); });
    this_fiber::yield();
    throw std::runtime_error{"enough"};
  };
  EXPECT_THROW(run(body, with_workers(2)), std::runtime_error);
  EXPECT_TRUE(stopped);
}

TEST_F(Runtime, run_ends_everything_else_when_its_body_ends) {
  atomic<int> ended{0};
  run(
      [&] {
        for (int i = 0; i < 100; ++i)
          go([&] {
            this_fiber::sleep_until(deadline::never());
            ended.fetch_add(1);
          });
      },
      with_workers(2));
  EXPECT_EQ(ended.load(), 100);
}

TEST_F(Runtime, block_on_may_be_called_by_many_threads_at_once) {
  runtime rt{with_workers(2)};
  atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < weft_test::scaled(300); ++k)
        sum.fetch_add(rt.block_on([] {
          this_fiber::yield();
          return 1;
        }));
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum.load(), 8 * weft_test::scaled(300));
}

// --- stopping

TEST_F(Runtime, stop_names_what_does_not_end_and_can_be_asked_again) {
  runtime rt{with_workers(2)};
  event go_on;
  rt.go(
      [&] {
        const cancellation_shield deaf;
        (void)go_on.wait();
      },
      {.name = "stubborn"});
  rt.block_on([] {});
  const result<void> first = rt.stop(20ms);
  EXPECT_EQ(first, result<void>{std::unexpected(errc::deadline_exceeded)});
  const auto all = reports::take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].find("1 fibers did not end"), 0u) << all[0];
  EXPECT_NE(all[0].find("\"stubborn\""), std::string::npos) << all[0];
  EXPECT_NE(all[0].find("runtime_test.cpp:"), std::string::npos) << all[0];
  EXPECT_NE(all[0].find("an event"), std::string::npos) << all[0];
  go_on.set();
  EXPECT_TRUE(rt.stop(1h));
  EXPECT_TRUE(rt.stop(0ns));  // it has stopped
}

TEST_F(Runtime, stop_of_an_idle_runtime_takes_no_deadline_to_do_it) {
  runtime rt{with_workers(3)};
  EXPECT_TRUE(rt.stop(10s));
}

TEST_F(Runtime, a_fiber_may_ask_for_the_stop) {
  runtime rt{with_workers(2)};
  atomic<int> canceled{0};
  for (int i = 0; i < 10; ++i)
    rt.go([&] { canceled.fetch_add(!this_fiber::sleep_until(deadline::never())); });
  rt.go([&] { rt.request_stop(); });
  EXPECT_TRUE(rt.stop(10s));
  EXPECT_EQ(canceled.load(), 10);
}

TEST_F(Runtime, stop_ends_ten_thousand_sleepers) {
  runtime rt{with_workers(2)};
  const int fibers = weft_test::scaled(10'000);
  atomic<int> started{0}, canceled{0};
  for (int i = 0; i < fibers; ++i)
    rt.go(
        [&] {
          started.fetch_add(1);
          canceled.fetch_add(!this_fiber::sleep_for(1h));
        },
        {.stack = stack_class::kib16});
  rt.block_on([&] {
    while (started.load() < fibers) this_fiber::yield();
  });
  EXPECT_TRUE(rt.stop(60s));
  EXPECT_EQ(canceled.load(), fibers);
}

TEST_F(Runtime, stop_ends_ten_thousand_reads) {
  const socket_pair ends;
  runtime rt{with_workers(2)};
  const int fibers = weft_test::scaled(10'000);
  atomic<int> started{0}, canceled{0};
  for (int i = 0; i < fibers; ++i)
    rt.go(
        [&] {
          started.fetch_add(1);
          std::byte buffer[1];
          const result<std::size_t> got = io::recv(ends.near(), buffer);
          canceled.fetch_add(!got && got.error() == errc::canceled);
        },
        {.stack = stack_class::kib16});
  rt.block_on([&] {
    while (started.load() < fibers) this_fiber::yield();
  });
  EXPECT_TRUE(rt.stop(60s));
  EXPECT_EQ(canceled.load(), fibers);
}

// All of them end at the same moment, each by its own cancel, whose completion it waits for.
TEST_F(Runtime, thousands_of_reads_that_time_out_together_all_end) {
  const socket_pair ends;
  runtime rt{with_workers(2)};
  const int fibers = weft_test::scaled(5000);
  atomic<int> timed_out{0};
  rt.block_on([&] {
    const deadline until{50ms};
    std::vector<task<void>> tasks;
    for (int i = 0; i < fibers; ++i)
      tasks.push_back(spawn(
          [&] {
            std::byte buffer[1];
            const result<std::size_t> got = io::recv(ends.near(), buffer, 0, until);
            timed_out.fetch_add(!got && got.error() == errc::deadline_exceeded);
          },
          {.stack = stack_class::kib16}));
    for (task<void>& t : tasks) t.join();
    EXPECT_TRUE(until.expired());
  });
  EXPECT_EQ(timed_out.load(), fibers);
}

TEST_F(Runtime, what_is_spawned_while_it_stops_runs_and_is_stopped) {
  for (int i = 0; i < weft_test::scaled(300); ++i) {
    runtime rt{with_workers(2)};
    atomic<int> ran{0}, spawned{0};
    rt.go([&] {
      const cancellation_shield deaf;
      for (int k = 0; k < 50; ++k) {
        go([&] {
          this_fiber::sleep_until(deadline::never());
          ran.fetch_add(1);
        });
        spawned.fetch_add(1);
        this_fiber::yield();
      }
    });
    ASSERT_TRUE(rt.stop(10s));
    ASSERT_EQ(ran.load(), spawned.load());
    ASSERT_EQ(ran.load(), 50);
  }
}

// Each spawn either comes before the end and then runs, or is told that it comes too late; here none does,
// because something is always alive while the threads spawn.
TEST_F(Runtime, threads_spawn_while_it_stops) {
  for (int i = 0; i < weft_test::scaled(100); ++i) {
    runtime rt{with_workers(2)};
    atomic<int> ran{0};
    atomic<bool> done{false};
    task<void> keeper = rt.spawn([&] {
      const cancellation_shield deaf;
      while (!done.load()) this_fiber::yield();
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        for (int k = 0; k < 50; ++k) rt.go([&] { ran.fetch_add(1); });
      });
    rt.request_stop();
    for (std::thread& t : threads) t.join();
    done.store(true);
    ASSERT_TRUE(rt.stop(10s));
    ASSERT_EQ(ran.load(), 150);
    keeper.join();
  }
}

TEST(RuntimeDeathTest, spawning_on_a_runtime_that_has_stopped_is_the_callers_mistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        runtime rt{with_workers(1)};
        (void)rt.stop();
        rt.go([] {});
      },
      "after its stop");
}

TEST(RuntimeDeathTest, a_fiber_cannot_wait_for_its_own_runtime) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        runtime rt{with_workers(1)};
        rt.block_on([&] { (void)rt.stop(); });
      },
      "request_stop");
}

TEST_F(Runtime, stop_may_be_called_by_several_threads) {
  runtime rt{with_workers(2)};
  rt.go([] { this_fiber::sleep_until(deadline::never()); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(rt.stop(10s)); });
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace weft

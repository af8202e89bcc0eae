// A runtime's numbers after work that is known, and while others work.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <weft/net/resolver.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/metrics/runtime_metrics.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/wait_group.hpp>
#include <with_workers.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::with_workers;

class Metrics : public weft_test::leak_check {};

std::size_t parked_for(const runtime_metrics& m, std::string_view reason) {
  const auto found = std::ranges::find(m.fibers.parked_by_reason, reason, &fiber_metrics::waiting::reason);
  return found == m.fibers.parked_by_reason.end() ? SIZE_MAX : found->count;
}

TEST_F(Metrics, count_what_was_spawned_ended_and_was_cancelled) {
  runtime rt{with_workers(2)};
  event gate;
  rt.block_on([&] {
    std::vector<task<void>> all;
    all.reserve(1003);
    for (int i = 0; i < 1000; ++i) all.push_back(spawn([] { this_fiber::yield(); }));
    for (int i = 0; i < 3; ++i) all.push_back(spawn([&] { (void)gate.wait(); }));
    for (int i = 1000; i < 1003; ++i) all[static_cast<std::size_t>(i)].request_stop();
    for (auto& t : all) t.join();
  });
  ASSERT_TRUE(rt.stop());  // who joins goes on before the worker has counted
  const runtime_metrics m = rt.metrics();
  EXPECT_EQ(m.total.spawned, 1004u);  // and the one that spawned them, from this thread
  EXPECT_EQ(m.workers[0].spawned + m.workers[1].spawned, 1003u);
  EXPECT_EQ(m.total.finished, 1004u);
  EXPECT_EQ(m.total.cancelled, 3u);
  EXPECT_GE(m.total.switches, 2004u);
  EXPECT_EQ(m.fibers.live, 0u);
}

TEST_F(Metrics, say_what_fibers_wait_for) {
  runtime rt{with_workers(2)};
  event gate;
  mutex held;
  wait_group parked;
  std::vector<task<void>> all;
  all.reserve(16);
  parked.add(10);
  for (int i = 0; i < 4; ++i) {
    all.push_back(rt.spawn([&] {
      parked.done();
      (void)gate.wait();
    }));
    all.push_back(rt.spawn([&] {
      parked.done();
      (void)this_fiber::sleep_for(1h);
    }));
  }
  held.lock();
  for (int i = 0; i < 2; ++i)
    all.push_back(rt.spawn([&] {
      parked.done();
      const std::lock_guard hold{held};
    }));
  (void)parked.wait();
  runtime_metrics m = rt.metrics();
  while (m.fibers.parked < 10) m = rt.metrics();  // they are about to
  EXPECT_EQ(m.fibers.parked, 10u);
  EXPECT_EQ(m.fibers.live, 10u);
  EXPECT_EQ(parked_for(m, "event"), 4u);
  EXPECT_EQ(parked_for(m, "sleep"), 4u);
  EXPECT_EQ(parked_for(m, "mutex"), 2u);
  EXPECT_EQ(parked_for(m, "io"), 0u);
  EXPECT_EQ(m.total.started, 10u);
  EXPECT_EQ(m.total.parked, 10u);
  EXPECT_EQ(m.workers[0].parked + m.workers[1].parked, 10u);
  EXPECT_GE(m.stacks[static_cast<std::size_t>(stack_class::kib64)].in_use, 10u);
  held.unlock();
  gate.set();
  for (auto& t : all) t.request_stop();
  for (auto& t : all) t.join();
}

TEST_F(Metrics, see_the_fiber_that_asks_as_running) {
  runtime rt{with_workers(1)};
  const runtime_metrics m = rt.block_on([&] {
    auto other = spawn([] { this_fiber::yield(); });
    this_fiber::yield();  // `other` has run, and is ready again
    runtime_metrics seen = metrics();
    other.join();
    return seen;
  });
  EXPECT_EQ(m.fibers.running, 1u);
  EXPECT_EQ(m.workers[0].running, 1u);
  EXPECT_EQ(m.fibers.ready, 1u);
  EXPECT_EQ(m.fibers.live, 2u);
  EXPECT_EQ(m.total.started, 2u);
}

TEST_F(Metrics, measure_the_loop_by_samples) {
  runtime rt{with_workers(1)};
  rt.block_on([] {
    std::vector<task<void>> all;
    all.reserve(300);
    for (int i = 0; i < 300; ++i)
      all.push_back(spawn([] {
        for (int k = 0; k < 200; ++k) this_fiber::yield();
      }));
    for (auto& t : all) t.join();
  });
  ASSERT_TRUE(rt.stop());
  const worker_metrics w = rt.metrics().total;
  const std::uint64_t batches = w.batches;
  EXPECT_GE(batches, 60'000u / 128);
  std::uint64_t counted = 0;
  for (const std::uint64_t n : w.batch_sizes) counted += n;
  EXPECT_EQ(counted, batches);
  EXPECT_GT(w.batch_sizes[5], 100u) << "of 300 that are ready, 32 go on in a batch";
  EXPECT_GT(w.batch_time.count(), batches / 64);
  EXPECT_LE(w.batch_time.count(), batches);
  // The last of 300 waits for ten batches of 32, and only one sample is under way at a time.
  EXPECT_GT(w.schedule_latency.count(), batches / 128);
  EXPECT_LE(w.schedule_latency.count(), w.batch_time.count());
  EXPECT_GT(w.schedule_latency.percentile(0.5), w.batch_time.percentile(0.5));
}

TEST_F(Metrics, count_what_goes_through_the_kernel_and_the_timers) {
  runtime rt{with_workers(1)};
  rt.block_on([] {
    for (int i = 0; i < 5; ++i) (void)this_fiber::sleep_for(1ms);
    (void)blocking([] { return 1; });
  });
  ASSERT_TRUE(rt.stop());
  const runtime_metrics m = rt.metrics();
  EXPECT_GE(m.total.timers_expired, 5u);
  EXPECT_GE(m.total.sleeps, 5u);
  EXPECT_GE(m.total.sleep_time.count(), 5u);
  EXPECT_GE(m.total.sleep_time.sum(), 2ms) << "most of five sleeps of 1 ms";
  EXPECT_GE(m.total.enters, 5u);
  EXPECT_GE(m.total.messages, 2u) << "the first fiber came as one, and what blocked ended with one";
  EXPECT_EQ(m.total.signal_masks, 2u);
  EXPECT_EQ(m.offload.completed, 1u);
  EXPECT_GE(m.offload.threads, 1u);
  EXPECT_GT(m.page_table_bytes, 4096u);
  EXPECT_EQ(m.stack_overflows, 0u);
  EXPECT_TRUE(m.backend == "io_uring" || m.backend == "epoll") << m.backend;
  EXPECT_EQ(m.total.queue_entries != 0, m.backend == "io_uring") << m.total.queue_entries;
}

TEST_F(Metrics, list_the_pools_and_what_resolvers_remember) {
  runtime rt{with_workers(1)};
  net::resolver names{{.lookup = [](const std::string&) -> result<std::vector<net::address>> {
    return std::vector{net::address::parse("192.0.2.1:0").value()};
  }}};
  rt.block_on([&] {
    for (int i = 0; i < 3; ++i) (void)names.resolve("weft.test:80");
  });
  const runtime_metrics m = rt.metrics();
  const auto found = std::ranges::find(m.pools, "resolver", &pool_metrics::name);
  ASSERT_NE(found, m.pools.end());
  EXPECT_EQ(found->stats.in_use, 1u);
  EXPECT_EQ(found->stats.hits, 2u);
  EXPECT_EQ(found->stats.misses, 1u);
  EXPECT_NE(std::ranges::find(m.pools, "fiber stacks", &pool_metrics::name), m.pools.end());
}

TEST_F(Metrics, high_water_of_stacks_is_kept_by_class) {
  runtime rt{with_workers(1)};
  const auto burst = [&](stack_class c, int fibers) {
    rt.block_on([&] {
      std::vector<task<void>> all;
      all.reserve(static_cast<std::size_t>(fibers));
      for (int i = 0; i < fibers; ++i) all.push_back(spawn([] { this_fiber::yield(); }, {.stack = c}));
      for (auto& t : all) t.join();
    });
  };
  burst(stack_class::kib256, 100);
  const auto of = [&](stack_class c) { return rt.metrics().stacks[static_cast<std::size_t>(c)]; };
  EXPECT_GE(of(stack_class::kib256).high_water, 100u);
  EXPECT_EQ(of(stack_class::mib1).high_water, 0u);
  EXPECT_EQ(of(stack_class::kib256).in_use, 0u);
  EXPECT_GE(of(stack_class::kib256).page_table_bytes, 100u * 64 * 8);
  const std::size_t before = of(stack_class::kib256).high_water;
  burst(stack_class::kib16, 10);
  EXPECT_EQ(of(stack_class::kib256).high_water, before);
}

// The totals are the sums, each number of them; and nothing ever falls that only grows.
void expect_sums(const runtime_metrics& m, const runtime_metrics& before) {
  std::uint64_t switches = 0, finished = 0, batches = 0;
  for (const worker_metrics& w : m.workers) {
    switches += w.switches;
    finished += w.finished;
    batches += w.batches;
  }
  EXPECT_EQ(m.total.switches, switches);
  EXPECT_EQ(m.total.finished, finished);
  EXPECT_EQ(m.total.batches, batches);
  EXPECT_GE(m.total.spawned, m.total.finished);
  EXPECT_GE(m.total.switches, before.total.switches);
  EXPECT_GE(m.total.finished, before.total.finished);
  EXPECT_GE(m.total.spawned, before.total.spawned);
  EXPECT_EQ(m.fibers.live, m.fibers.unstarted + m.fibers.ready + m.fibers.running + m.fibers.parked);
}

// ThreadSanitizer's part: readers on other threads, while both workers run, sleep, steal and do I/O.
TEST_F(Metrics, may_be_read_while_workers_run) {
  runtime rt{with_workers(2)};
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  readers.reserve(2);
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      runtime_metrics before = rt.metrics();
      while (!done.load()) {
        runtime_metrics now = rt.metrics();
        expect_sums(now, before);
        before = std::move(now);
      }
    });
  const int rounds = weft_test::scaled(200);
  rt.block_on([&] {
    for (int round = 0; round < rounds; ++round) {
      std::vector<task<void>> all;
      all.reserve(50);
      for (int i = 0; i < 50; ++i)
        all.push_back(spawn([i] {
          for (int k = 0; k < 5; ++k) this_fiber::yield();
          if (i % 10 == 0) (void)this_fiber::sleep_for(10us);
        }));
      if (round % 4 == 0) all.back().request_stop();
      for (auto& t : all) t.join();
    }
  });
  done = true;
  readers.clear();
  ASSERT_TRUE(rt.stop());
  const runtime_metrics m = rt.metrics();
  EXPECT_EQ(m.total.spawned, static_cast<std::uint64_t>(50 * rounds + 1));
  EXPECT_EQ(m.total.finished, m.total.spawned);
  EXPECT_LE(m.total.cancelled, static_cast<std::uint64_t>(rounds / 4 + 1));
}

TEST_F(Metrics, are_there_after_the_workers_have_ended) {
  runtime rt{with_workers(2)};
  rt.block_on([] { (void)this_fiber::sleep_for(1ms); });
  ASSERT_TRUE(rt.stop());
  const runtime_metrics m = rt.metrics();
  EXPECT_EQ(m.total.finished, 1u);
  EXPECT_GE(m.total.enters, 1u);
  EXPECT_EQ(m.fibers.live, 0u);
}

TEST_F(Metrics, are_printed_as_a_table) {
  runtime rt{with_workers(2)};
  rt.block_on([] {
    auto t = spawn([] { this_fiber::yield(); });
    t.join();
  });
  ASSERT_TRUE(rt.stop());
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const to = ::open_memstream(&text, &size);
  rt.print_stats(to);
  std::fclose(to);
  const std::string printed{text, size};
  std::free(text);
  for (const char* const part : {"weft: 2 workers, ", "2 spawned, 2 finished, 0 cancelled", "\nall ",
                                 "schedule latency", "kib64", "fiber stacks"})
    EXPECT_NE(printed.find(part), printed.npos) << part << " in\n" << printed;
  EXPECT_EQ(printed.back(), '\n');
  for (std::size_t at = 0; at < printed.size();) {
    const std::size_t end = printed.find('\n', at);
    EXPECT_LE(end - at, 120u);
    at = end + 1;
  }
}

}  // namespace
}  // namespace weft

// blocking(), promise and future on real threads: what the simulator cannot judge, the memory orders, under
// ThreadSanitizer.
#include <chrono>
#include <cstdint>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/future.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/std_future.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::scaled;

// f works on the caller's stack, through plain memory.
TEST(BlockingStress, hands_memory_to_the_pool_and_back) {
  runtime rt{{.workers = 2, .blocking_threads_max = 4}};
  constexpr int fibers = 16;
  const int rounds = scaled(500);
  std::vector<task<long>> all;
  for (int i = 0; i < fibers; ++i) {
    all.push_back(rt.spawn([&] {
      long sum = 0;
      for (int k = 0; k < rounds; ++k) {
        long here = k;
        blocking([&] { here *= 2; });
        sum += here;
      }
      return sum;
    }));
  }
  for (auto& t : all) EXPECT_EQ(t.join(), static_cast<long>(rounds) * (rounds - 1));
}

TEST(BlockingStress, either_runs_or_gives_up) {
  runtime rt{{.workers = 2, .blocking_threads_max = 1, .blocking_idle = 0ns, .blocking_queue_max = 8}};
  constexpr int fibers = 12;
  const int rounds = scaled(300);
  std::vector<task<void>> all;
  for (int i = 0; i < fibers; ++i) {
    all.push_back(rt.spawn([&, i] {
      for (int k = 0; k < rounds; ++k) {
        int ran = 0;
        const auto f = [&] { return ++ran; };
        const result<int> r = i % 3 == 0   ? blocking(f, 1ns)
                              : i % 3 == 1 ? blocking(f, 30us)
                                           : blocking(f, deadline::never());
        ASSERT_EQ(ran, r ? 1 : 0);
        auto t = spawn_blocking([&]() -> result<int> { return ++ran; });
        (void)t.request_stop();
        const int before = r ? 1 : 0;
        ASSERT_EQ(t.join() ? before + 1 : before, ran);
      }
    }));
  }
  for (auto& t : all) t.join();
}

// The value goes through plain memory, and both ends die as soon as they have done.
TEST(FutureStress, hands_the_value_over_and_dies) {
  runtime rt{{.workers = 2}};
  rt.block_on([] {
    for (int i = 0; i < scaled(5000); ++i) {
      promise<int> p;
      future<int> f = p.get_future();
      spawn([i, p = std::move(p)]() mutable { p.set_value(i); }, {.worker = 1}).detach();
      if (i % 2 == 0) (void)f.wait(1us);
      ASSERT_EQ(f.get(), i);
    }
  });
}

TEST(FutureStress, goes_between_threads_and_fibers) {
  runtime rt{{.workers = 2}};
  const int rounds = scaled(3000);
  std::vector<promise<int>> to_thread(static_cast<std::size_t>(rounds)), to_fiber(to_thread.size());
  std::vector<future<int>> of_thread, of_fiber;
  for (auto& p : to_thread) of_thread.push_back(p.get_future());
  for (auto& p : to_fiber) of_fiber.push_back(p.get_future());
  std::jthread thread{[&] {
    for (std::size_t i = 0; i < to_thread.size(); ++i) to_fiber[i].set_value(of_thread[i].get() + 1);
  }};
  rt.block_on([&] {
    for (std::size_t i = 0; i < to_thread.size(); ++i) {
      to_thread[i].set_value(static_cast<int>(i));
      ASSERT_EQ(of_fiber[i].get(), static_cast<int>(i) + 1);
    }
  });
}

TEST(FutureStress, adopts_what_std_promises) {
  runtime rt{{.workers = 2}};
  rt.block_on([] {
    for (int i = 0; i < scaled(500); ++i) {
      std::promise<int> p;
      future<int> f = adopt(p.get_future());
      p.set_value(i);
      ASSERT_EQ(f.get(), i);
    }
  });
}

}  // namespace
}  // namespace weft

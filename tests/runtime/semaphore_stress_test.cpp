// semaphore on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

// A binary semaphore as a mutex: fibers of four workers and two threads count in plain memory. Some give up
// at once, or soon.
TEST(SemaphoreStress, keeps_fibers_and_threads_apart) {
  const int rounds = weft_test::scaled(5000);
  binary_semaphore one{1};
  std::uint64_t counted = 0;
  std::atomic<std::uint64_t> expected{0};  // std::atomic: the test's own
  const auto body = [&](int who) {
    std::uint64_t mine = 0;
    for (int i = 0; i < rounds; ++i) {
      bool got = true;
      switch ((who + i) % 4) {
        case 0: one.acquire(); break;
        case 1: got = one.try_acquire(); break;
        case 2: got = one.try_acquire_for(2us); break;
        default: got = one.acquire(deadline{20us}).has_value();
      }
      if (!got) continue;
      ++counted;
      ++mine;
      if (i % 8 == 0) this_fiber::yield();
      one.release();
    }
    expected.fetch_add(mine);
  };
  {
    runtime rt{{.workers = 4}};
    std::jthread first{[&] { body(0); }}, second{[&] { body(1); }};
    rt.block_on([&] {
      std::vector<task<void>> all;
      for (int i = 0; i < 8; ++i) all.push_back(spawn([&, i] { body(i); }));
      for (task<void>& t : all) t.join();
    });
  }
  EXPECT_EQ(counted, expected.load());
  EXPECT_TRUE(one.try_acquire());
  EXPECT_FALSE(one.try_acquire());
}

// Data goes to and fro through plain memory, ordered by semaphores alone.
TEST(SemaphoreStress, hands_memory_over_between_fiber_and_thread) {
  const int rounds = weft_test::scaled(5000);
  binary_semaphore asked{0}, answered{0};
  int data = 0;
  runtime rt{{.workers = 2}};
  std::jthread thread{[&] {
    for (int i = 0; i < rounds; ++i) {
      asked.acquire();
      data *= 2;
      answered.release();
    }
  }};
  rt.block_on([&] {
    for (int i = 0; i < rounds; ++i) {
      data = i;
      asked.release();
      answered.acquire();
      ASSERT_EQ(data, 2 * i);
    }
  });
}

TEST(SemaphoreStress, dies_as_soon_as_the_last_permit_is_taken) {
  const int rounds = weft_test::scaled(5000);
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    for (int i = 0; i < rounds; ++i) {
      int data = 0;
      std::optional<binary_semaphore> done;
      done.emplace(0);
      spawn(
          [&] {
            data = i;
            done->release();
          },
          {.worker = 1})
          .detach();
      done->acquire();
      done.reset();
      ASSERT_EQ(data, i);
    }
  });
}

}  // namespace
}  // namespace weft

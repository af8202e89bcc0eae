// What timed_mutex and shared_timed_mutex add: the calls with a time of the standard, and that they are no
// cancellation points. First what both have, then sharing for a time.
#include <chrono>
#include <mutex>
#include <shared_mutex>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/shared_timed_mutex.hpp>
#include <weft/runtime/timed_mutex.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

template <class M>
class AnyTimedMutex : public testing::Test {};
using kinds = testing::Types<timed_mutex, shared_timed_mutex>;
TYPED_TEST_SUITE(AnyTimedMutex, kinds);

TYPED_TEST(AnyTimedMutex, waits_by_every_clock) {
  sim world{1};
  TypeParam m;
  int refused = 0, taken = 0;
  m.lock();
  const auto waits = [&] {
    refused += !m.try_lock_for(0s);
    refused += !m.try_lock_for(-1h);
    refused += !m.try_lock_for(1.5e-3s);
    refused += !m.try_lock_until(world.now() + 1ms);
    refused +=
        !m.try_lock_until(std::chrono::time_point<std::chrono::steady_clock, std::chrono::hours>::min());
    refused += !m.try_lock_until(std::chrono::system_clock::now() - 1h);
    taken += m.try_lock_for(std::chrono::hours::max());
    m.unlock();
  };
  world.spawn(waits);
  world.advance(1ms);
  EXPECT_EQ(refused, 2);
  world.advance(10ms);
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(taken, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(m.try_lock_until(std::chrono::system_clock::now() - 1h));  // free: taken however late it is
  m.unlock();
}

TYPED_TEST(AnyTimedMutex, works_with_the_timed_forms_of_unique_lock) {
  sim world{1};
  TypeParam m;
  {
    const std::unique_lock for_a_time{m, 1ms};
    EXPECT_TRUE(for_a_time.owns_lock());
  }
  {
    const std::unique_lock until_then{m, world.now() + 1ms};
    EXPECT_TRUE(until_then.owns_lock());
  }
  EXPECT_EQ(m.owner(), nullptr);
  m.lock();
  int refused = 0, taken = 0;
  world.spawn([&] {
    const std::unique_lock for_a_time{m, 1ms};
    refused += !for_a_time.owns_lock();
    const std::unique_lock until_then{m, world.now() + 1ms};
    refused += !until_then.owns_lock();
    std::unique_lock later{m, std::defer_lock};
    refused += !later.try_lock_for(1ms);
    refused += !later.try_lock_until(world.now() + 1ms);
    taken += later.try_lock_for(1h) && later.owns_lock();
  });
  world.advance(1900us);
  EXPECT_EQ(refused, 1);
  world.advance(10ms);
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(taken, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(m.owner(), nullptr);
}

TYPED_TEST(AnyTimedMutex, is_no_cancellation_point) {
  sim world{1};
  TypeParam m;
  m.lock();
  bool ended = false;
  auto task = world.rt().spawn([&] {
    EXPECT_FALSE(m.try_lock_for(5ms));
    ended = true;
  });
  (void)task.request_stop();
  world.advance(4ms);
  EXPECT_FALSE(ended);
  world.advance(2ms);
  EXPECT_TRUE(ended);
  m.unlock();
  task.join();
}

TEST(SharedTimedMutex, is_shared_by_every_clock) {
  sim world{1};
  shared_timed_mutex m;
  int refused = 0, taken = 0;
  m.lock();
  const auto waits = [&] {
    refused += !m.try_lock_shared_for(0s);
    refused += !m.try_lock_shared_for(-1h);
    refused += !m.try_lock_shared_for(1.5e-3s);
    refused += !m.try_lock_shared_until(world.now() + 1ms);
    refused += !m.try_lock_shared_until(std::chrono::system_clock::now() - 1h);
    taken += m.try_lock_for(std::chrono::hours::max());
    m.unlock();
    taken += m.try_lock_shared_for(1s);
    m.unlock_shared();
  };
  world.spawn(waits);
  world.advance(1ms);
  EXPECT_EQ(refused, 2);
  world.advance(10ms);
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(taken, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(taken, 2);
}

TEST(SharedTimedMutex, works_with_the_timed_forms_of_shared_lock) {
  sim world{1};
  shared_timed_mutex m;
  {
    const std::shared_lock for_a_time{m, 1ms};
    const std::shared_lock until_then{m, world.now() + 1ms};
    EXPECT_TRUE(for_a_time.owns_lock() && until_then.owns_lock());
  }
  m.lock();
  int refused = 0, taken = 0;
  world.spawn([&] {
    const std::shared_lock for_a_time{m, 1ms};
    refused += !for_a_time.owns_lock();
    const std::shared_lock until_then{m, world.now() + 1ms};
    refused += !until_then.owns_lock();
    std::shared_lock later{m, std::defer_lock};
    refused += !later.try_lock_for(1ms);
    refused += !later.try_lock_until(world.now() + 1ms);
    taken += later.try_lock_for(1h) && later.owns_lock();
  });
  world.advance(1900us);
  EXPECT_EQ(refused, 1);
  world.advance(10ms);
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(taken, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TEST(SharedTimedMutex, sharing_is_no_cancellation_point) {
  sim world{1};
  shared_timed_mutex m;
  m.lock();
  bool ended = false;
  auto task = world.rt().spawn([&] {
    EXPECT_FALSE(m.try_lock_for(3ms));
    EXPECT_FALSE(m.try_lock_shared_for(2ms));
    ended = true;
  });
  (void)task.request_stop();
  world.advance(4ms);
  EXPECT_FALSE(ended);
  world.advance(2ms);
  EXPECT_TRUE(ended);
  m.unlock();
  task.join();
}

}  // namespace
}  // namespace weft

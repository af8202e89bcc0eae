// What timed_mutex and shared_timed_mutex add: the calls with a time of the standard, and that they are no
// cancellation points.
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

// By the standard's lock of each way to take one: it calls try_lock_for() and try_lock_until(), or the same
// of sharing, as they are.
template <class Lock>
class TimedMutex : public testing::Test {};
using ways = testing::Types<std::unique_lock<timed_mutex>, std::unique_lock<shared_timed_mutex>,
                            std::shared_lock<shared_timed_mutex>>;
TYPED_TEST_SUITE(TimedMutex, ways);

TYPED_TEST(TimedMutex, waits_by_every_clock) {
  sim world{1};
  typename TypeParam::mutex_type m;
  int refused = 0, taken = 0;
  m.lock();
  const auto waits = [&] {
    TypeParam lock{m, std::defer_lock};
    refused += !lock.try_lock_for(0s);
    refused += !lock.try_lock_for(-1h);
    refused += !lock.try_lock_for(1.5e-3s);
    refused += !lock.try_lock_until(world.now() + 1ms);
    refused +=
        !lock.try_lock_until(std::chrono::time_point<std::chrono::steady_clock, std::chrono::hours>::min());
    refused += !lock.try_lock_until(std::chrono::system_clock::now() - 1h);
    taken += lock.try_lock_for(std::chrono::hours::max());
    lock.unlock();
    taken += lock.try_lock_for(1s);
  };
  world.spawn(waits);
  world.advance(1ms);
  EXPECT_EQ(refused, 2);
  world.advance(10ms);
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(taken, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(taken, 2);
  TypeParam late{m, std::defer_lock};
  EXPECT_TRUE(late.try_lock_until(std::chrono::system_clock::now() - 1h));  // free: however late it is
}

TYPED_TEST(TimedMutex, works_with_the_timed_forms_of_the_standards_locks) {
  sim world{1};
  typename TypeParam::mutex_type m;
  {
    const TypeParam for_a_time{m, 1ms};
    EXPECT_TRUE(for_a_time.owns_lock());
  }
  {
    const TypeParam until_then{m, world.now() + 1ms};
    EXPECT_TRUE(until_then.owns_lock());
  }
  EXPECT_EQ(m.owner(), nullptr);
  m.lock();
  int refused = 0, taken = 0;
  world.spawn([&] {
    const TypeParam for_a_time{m, 1ms};
    refused += !for_a_time.owns_lock();
    const TypeParam until_then{m, world.now() + 1ms};
    refused += !until_then.owns_lock();
    TypeParam later{m, std::defer_lock};
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
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TYPED_TEST(TimedMutex, is_no_cancellation_point) {
  sim world{1};
  typename TypeParam::mutex_type m;
  m.lock();
  bool ended = false;
  auto task = world.rt().spawn([&] {
    TypeParam lock{m, std::defer_lock};
    EXPECT_FALSE(lock.try_lock_for(5ms));
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

TEST(SharedTimedMutex, is_shared_for_a_time) {
  sim world{1};
  shared_timed_mutex m;
  const std::shared_lock for_a_time{m, 1ms};
  const std::shared_lock until_then{m, world.now() + 1ms};
  EXPECT_TRUE(for_a_time.owns_lock() && until_then.owns_lock());
}

}  // namespace
}  // namespace weft

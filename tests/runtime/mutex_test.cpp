// mutex, timed_mutex and recursive_mutex, one behaviour after the other: what the standard promises,
// deadlines and stops, who is served, misuse. What only timed ones have: timed_mutex_test.cpp.
#include <chrono>
#include <mutex>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/recursive_mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/timed_mutex.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

// --- what the standard promises, and what weft adds

static_assert(!std::is_copy_constructible_v<mutex> && !std::is_copy_assignable_v<mutex>);
static_assert(!std::is_move_constructible_v<mutex> && !std::is_move_assignable_v<mutex>);
static_assert(std::is_nothrow_default_constructible_v<mutex>);
static_assert(!std::is_copy_constructible_v<timed_mutex> && !std::is_copy_constructible_v<recursive_mutex>);
static_assert(std::is_void_v<decltype(std::declval<mutex&>().lock())>);
static_assert(std::is_same_v<bool, decltype(std::declval<mutex&>().try_lock())>);
static_assert(std::is_void_v<decltype(std::declval<mutex&>().unlock())>);

constinit mutex made_at_compile_time;

TEST(Mutex, is_made_at_compile_time) {
  EXPECT_TRUE(made_at_compile_time.try_lock());
  made_at_compile_time.unlock();
}

template <class M>
class AnyMutex : public testing::Test {};
using kinds = testing::Types<mutex, timed_mutex, recursive_mutex>;
TYPED_TEST_SUITE(AnyMutex, kinds);

TYPED_TEST(AnyMutex, works_with_the_locks_of_the_standard) {
  sim world{1};
  TypeParam m, other;
  {
    const std::lock_guard hold{m};
    EXPECT_NE(m.owner(), nullptr);
  }
  {
    std::unique_lock hold{m, std::defer_lock};
    hold.lock();
    EXPECT_TRUE(hold.owns_lock());
    hold.unlock();
    EXPECT_TRUE(hold.try_lock());
  }
  {
    const std::scoped_lock both{m, other};
    EXPECT_NE(other.owner(), nullptr);
  }
  EXPECT_EQ(m.owner(), nullptr);
  EXPECT_EQ(other.owner(), nullptr);
}

TYPED_TEST(AnyMutex, is_taken_by_std_lock_and_std_try_lock) {
  sim world{1};
  TypeParam first, second;
  mutex third;
  std::lock(first, second, third);
  EXPECT_EQ(first.owner(), &detail::current_parker());
  EXPECT_EQ(second.owner(), &detail::current_parker());
  EXPECT_EQ(third.owner(), &detail::current_parker());
  int failed_at = -2;
  world.spawn([&] { failed_at = std::try_lock(third, first); });
  world.run();
  EXPECT_EQ(failed_at, 0);
  third.unlock();
  world.spawn([&] { failed_at = std::try_lock(third, second, first); });
  world.run();
  EXPECT_EQ(failed_at, 1);
  EXPECT_EQ(third.owner(), nullptr) << "what it had taken it has released";
  first.unlock();
  second.unlock();
  EXPECT_EQ(std::try_lock(first, second, third), -1);
  first.unlock();
  second.unlock();
  third.unlock();
}

TYPED_TEST(AnyMutex, std_lock_takes_several_in_any_order_without_deadlock) {
  sim world{1};
  TypeParam a, b;
  int inside = 0, rounds = 0;
  const auto takes = [&](TypeParam& first, TypeParam& second) {
    for (int i = 0; i < 10; ++i) {
      std::lock(first, second);
      const std::lock_guard one{first, std::adopt_lock}, other{second, std::adopt_lock};
      EXPECT_EQ(++inside, 1);
      this_fiber::yield();
      --inside;
      ++rounds;
    }
  };
  world.spawn([&] { takes(a, b); });
  world.spawn([&] { takes(b, a); });
  world.thread([&] { takes(a, b); });
  world.thread([&] { takes(b, a); });
  world.run();
  EXPECT_EQ(rounds, 40);
}

TYPED_TEST(AnyMutex, excludes_fibers_and_threads) {
  sim world{1};
  TypeParam m;
  m.lock();
  int refused = 0, through = 0;
  const auto tries = [&] {
    refused += !m.try_lock();
    const std::lock_guard hold{m};
    ++through;
  };
  world.spawn(tries);
  world.thread(tries);
  EXPECT_EQ(world.parked(), 2u);
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(through, 0);
  m.unlock();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(through, 2);
}

TYPED_TEST(AnyMutex, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  TypeParam m;
  result<void> on_fiber, on_thread;
  m.lock();
  world.spawn([&] { on_fiber = m.lock(world.in(5ms)); });
  world.thread([&] { on_thread = m.lock(world.in(5ms)); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  m.unlock();
  EXPECT_TRUE(m.lock(deadline::past()));  // never fails if it is free
  m.unlock();
}

TYPED_TEST(AnyMutex, a_stop_ends_only_the_call_with_a_deadline) {
  sim world{1};
  TypeParam m;
  m.lock();
  result<void> bounded;
  bool locked = false;
  auto task = world.rt().spawn([&] {
    bounded = m.lock(deadline::never());
    m.lock();
    locked = true;
    EXPECT_TRUE(this_fiber::stop_requested());
    EXPECT_EQ(m.owner() == nullptr, false);
    m.unlock();
    EXPECT_TRUE(m.lock(deadline::never()));  // free: no wait, so nothing to cancel
    m.unlock();
  });
  world.advance(1ms);
  EXPECT_TRUE(task.request_stop());
  world.advance(1ms);
  EXPECT_EQ(bounded.error(), errc::canceled);
  EXPECT_FALSE(locked);
  m.unlock();
  task.join();
  EXPECT_TRUE(locked);
}

// In the order of arrival, if nobody barges.
TYPED_TEST(AnyMutex, serves_in_the_order_of_arrival) {
  sim world{1};
  TypeParam m;
  std::vector<int> order;
  m.lock();
  for (int i = 0; i < 6; ++i) {
    const auto waits = [&, i] {
      const std::lock_guard hold{m};
      order.push_back(i);
    };
    if (i % 2 == 0) world.spawn(waits);
    else world.thread(waits);
    (void)world.parked();
  }
  m.unlock();
  world.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5}));
}

// One who was woken may lose to us for a millisecond; then the mutex goes to him directly.
TYPED_TEST(AnyMutex, is_handed_over_to_one_who_has_starved) {
  for (const bool fiber : {false, true}) {
    sim world{1};
    TypeParam m;
    m.lock();
    bool through = false;
    const auto waits = [&] {
      const std::lock_guard hold{m};
      through = true;
    };
    if (fiber) world.spawn(waits);
    else world.thread(waits);
    EXPECT_EQ(world.parked(), 1u);
    for (int i = 0; i < 2; ++i) {
      m.unlock();
      ASSERT_TRUE(m.try_lock());  // before him
      ASSERT_EQ(world.parked(), 1u);
      if (i == 0) world.advance(2 * mutex::hand_over_after);
    }
    m.unlock();
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(through);
    world.run();
    EXPECT_TRUE(through);
  }
}

TEST(Mutex, knows_its_owner) {
  sim world{1};
  mutex m;
  detail::parker* self = nullptr;
  world.spawn([&] {
    const std::lock_guard hold{m};
    self = m.owner();
    EXPECT_EQ(self, &detail::current_parker());
  });
  world.run();
  EXPECT_NE(self, nullptr);
  EXPECT_EQ(m.owner(), nullptr);
}

TEST(RecursiveMutex, is_free_when_released_as_often_as_taken) {
  sim world{1};
  recursive_mutex m;
  m.lock();
  EXPECT_TRUE(m.try_lock());
  EXPECT_TRUE(m.lock(deadline::past()));
  bool through = false;
  world.thread([&] {
    EXPECT_FALSE(m.try_lock());
    const std::lock_guard hold{m};
    through = true;
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.parked(), 1u);
    m.unlock();
  }
  world.run();
  EXPECT_TRUE(through);
  EXPECT_EQ(m.owner(), nullptr);
}

TEST(RecursiveMutex, refuses_to_be_taken_too_often) {
  recursive_mutex m;
  for (std::uint32_t i = 0; i < recursive_mutex::depth_max; ++i) m.lock();
  EXPECT_FALSE(m.try_lock());
  EXPECT_EQ(m.lock(deadline::never()).error(), errc::limit);
  try {
    m.lock();
    ADD_FAILURE() << "lock() succeeded";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::errc::resource_unavailable_try_again);
  }
  for (std::uint32_t i = 0; i < recursive_mutex::depth_max; ++i) m.unlock();
  EXPECT_EQ(m.owner(), nullptr);
}

// --- misuse

void lock_elsewhere(auto& m) {
  sim world{1};
  world.thread([&] { m.lock(); });
  world.run();
}

TEST(MutexDeathTest, locking_it_twice_is_an_assertion) {
  mutex m;
  m.lock();
  EXPECT_DEATH(m.lock(), "locked by who holds it already");
  EXPECT_DEATH((void)m.lock(deadline::never()), "locked by who holds it already");
  EXPECT_DEATH((void)m.try_lock(), "locked by who holds it already");
  m.unlock();
}

TEST(MutexDeathTest, releasing_it_without_holding_it_is_an_assertion) {
  mutex m;
  recursive_mutex recursive;
  EXPECT_DEATH(m.unlock(), "released by who does not hold it");
  EXPECT_DEATH(recursive.unlock(), "released by who does not hold it");
  EXPECT_DEATH(
      {
        lock_elsewhere(m);
        m.unlock();
      },
      "released by who does not hold it");
  EXPECT_DEATH(
      {
        lock_elsewhere(recursive);
        recursive.unlock();
      },
      "released by who does not hold it");
}

TEST(MutexDeathTest, destroying_it_while_it_is_held_is_an_assertion) {
  const auto destroy_held = [] {
    mutex m;
    m.lock();
  };
  EXPECT_DEATH(destroy_held(), "destroyed while somebody holds it");
}

}  // namespace
}  // namespace weft

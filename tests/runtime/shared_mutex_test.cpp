// shared_mutex and shared_timed_mutex, one behaviour after the other: what the standard promises, alone and
// sharing, deadlines and stops, who is served, misuse. What only timed ones have: timed_mutex_test.cpp.
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/shared_timed_mutex.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

// --- what the standard promises, and what weft adds

static_assert(!std::is_copy_constructible_v<shared_mutex> && !std::is_copy_assignable_v<shared_mutex>);
static_assert(!std::is_move_constructible_v<shared_mutex> && !std::is_move_assignable_v<shared_mutex>);
static_assert(std::is_nothrow_default_constructible_v<shared_mutex>);
static_assert(!std::is_copy_constructible_v<shared_timed_mutex>);
static_assert(std::is_void_v<decltype(std::declval<shared_mutex&>().lock())>);
static_assert(std::is_void_v<decltype(std::declval<shared_mutex&>().lock_shared())>);
static_assert(std::is_same_v<bool, decltype(std::declval<shared_mutex&>().try_lock())>);
static_assert(std::is_same_v<bool, decltype(std::declval<shared_mutex&>().try_lock_shared())>);
static_assert(std::is_void_v<decltype(std::declval<shared_mutex&>().unlock())>);
static_assert(std::is_void_v<decltype(std::declval<shared_mutex&>().unlock_shared())>);

constinit shared_mutex made_at_compile_time;

TEST(SharedMutex, is_made_at_compile_time) {
  EXPECT_TRUE(made_at_compile_time.try_lock());
  made_at_compile_time.unlock();
}

template <class M>
class AnySharedMutex : public testing::Test {};
using kinds = testing::Types<shared_mutex, shared_timed_mutex>;
TYPED_TEST_SUITE(AnySharedMutex, kinds);

TYPED_TEST(AnySharedMutex, works_with_the_locks_of_the_standard) {
  sim world{1};
  TypeParam m, other;
  {
    const std::lock_guard hold{m};
    EXPECT_EQ(m.owner(), &detail::current_parker());
  }
  {
    std::shared_lock first{m};
    EXPECT_TRUE(first.owns_lock());
    EXPECT_EQ(m.owner(), nullptr);
    std::shared_lock second{m, std::try_to_lock};  // by two guards, though of one thread: nobody waits
    EXPECT_TRUE(second.owns_lock());
    first.unlock();
    const std::unique_lock alone{m, std::try_to_lock};
    EXPECT_FALSE(alone.owns_lock());
  }
  {
    const std::scoped_lock both{m, other};
    EXPECT_NE(other.owner(), nullptr);
  }
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TYPED_TEST(AnySharedMutex, is_taken_by_std_lock_and_std_try_lock) {
  sim world{1};
  TypeParam first, second;
  std::lock(first, second);
  EXPECT_EQ(first.owner(), &detail::current_parker());
  EXPECT_EQ(second.owner(), &detail::current_parker());
  first.unlock();
  int failed_at = -2;
  world.spawn([&] { failed_at = std::try_lock(first, second); });
  world.run();
  EXPECT_EQ(failed_at, 1);
  EXPECT_EQ(first.owner(), nullptr) << "what it had taken it has released";
  second.unlock();
  std::shared_lock sharing{first, std::defer_lock};
  EXPECT_EQ(std::try_lock(sharing, second), -1);
  EXPECT_TRUE(sharing.owns_lock());
  second.unlock();
}

TYPED_TEST(AnySharedMutex, is_shared_by_many) {
  sim world{1};
  TypeParam m;
  event go_on;
  int inside = 0;
  const auto shares = [&] {
    const std::shared_lock hold{m};
    ++inside;
    EXPECT_TRUE(go_on.wait());
  };
  for (int i = 0; i < 3; ++i) {
    world.spawn(shares);
    world.thread(shares);
  }
  EXPECT_EQ(world.parked(), 6u);
  EXPECT_EQ(inside, 6);
  EXPECT_FALSE(m.try_lock());
  EXPECT_TRUE(m.try_lock_shared());
  m.unlock_shared();
  go_on.set();
  world.run();
  EXPECT_TRUE(m.try_lock());
  m.unlock();
}

TYPED_TEST(AnySharedMutex, one_alone_excludes_all_others) {
  sim world{1};
  TypeParam m;
  m.lock();
  int refused = 0, through = 0;
  const auto tries = [&] {
    refused += !m.try_lock();
    refused += !m.try_lock_shared();
    {
      const std::shared_lock hold{m};
      ++through;
    }
    const std::lock_guard hold{m};
    ++through;
  };
  world.spawn(tries);
  world.thread(tries);
  EXPECT_EQ(world.parked(), 2u);
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(through, 0);
  m.unlock();
  world.run();
  EXPECT_EQ(through, 4);
}

TYPED_TEST(AnySharedMutex, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  TypeParam m;
  result<void> on_fiber, on_thread;
  m.lock();
  world.spawn([&] { on_fiber = m.lock(world.in(5ms)); });
  world.thread([&] { on_thread = m.lock_shared(world.in(5ms)); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  m.unlock();
  EXPECT_TRUE(m.lock(deadline::past()));  // never fails if it is free
  m.unlock();
  EXPECT_TRUE(m.lock_shared(deadline::past()));
  m.unlock_shared();
}

TYPED_TEST(AnySharedMutex, a_stop_ends_only_the_calls_with_a_deadline) {
  sim world{1};
  TypeParam m;
  m.lock();
  result<void> alone, shared;
  bool locked = false;
  auto task = world.rt().spawn([&] {
    alone = m.lock(deadline::never());
    shared = m.lock_shared(deadline::never());
    m.lock_shared();
    m.unlock_shared();
    m.lock();
    locked = true;
    m.unlock();
    EXPECT_TRUE(m.lock(deadline::never()));  // free: no wait, so nothing to cancel
    m.unlock();
    EXPECT_TRUE(m.lock_shared(deadline::never()));
    m.unlock_shared();
  });
  world.advance(1ms);
  EXPECT_TRUE(task.request_stop());
  world.advance(1ms);
  EXPECT_EQ(alone.error(), errc::canceled);
  EXPECT_EQ(shared.error(), errc::canceled);
  EXPECT_FALSE(locked);
  m.unlock();
  task.join();
  EXPECT_TRUE(locked);
}

// While somebody shares it, one who wants it alone comes before all who want to share it later.
TYPED_TEST(AnySharedMutex, who_wants_it_alone_is_not_starved) {
  sim world{1};
  TypeParam m;
  std::vector<int> order;
  m.lock_shared();
  world.spawn([&] {
    const std::lock_guard hold{m};
    order.push_back(1);
  });
  (void)world.parked();
  EXPECT_FALSE(m.try_lock_shared());
  world.thread([&] {
    const std::shared_lock hold{m};
    order.push_back(2);
  });
  EXPECT_EQ(world.parked(), 2u);
  m.unlock_shared();
  world.run();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

// Those who want to share it and stand together get it together, and all others in the order of arrival.
TYPED_TEST(AnySharedMutex, serves_in_the_order_of_arrival) {
  sim world{1};
  TypeParam m;
  std::vector<char> order;
  event go_on;
  m.lock();
  for (const char who : {'r', 'r', 'w', 'r', 'r', 'w', 'w', 'r'}) {
    const auto waits = [&, who] {
      if (who == 'r') {
        const std::shared_lock hold{m};
        order.push_back('(');
        EXPECT_TRUE(go_on.wait());
        order.push_back(')');
      } else {
        const std::lock_guard hold{m};
        order.push_back('w');
      }
    };
    if (order.size() % 2 == 0) world.spawn(waits);
    else world.thread(waits);
    (void)world.parked();
  }
  m.unlock();
  (void)world.parked();
  EXPECT_EQ(order, (std::vector{'(', '('}));  // the third reader stands behind a writer
  go_on.set();
  world.run();
  EXPECT_EQ(order, (std::vector{'(', '(', ')', ')', 'w', '(', ')', '(', ')', 'w', 'w', '(', ')'}));
}

// Whoever gives up lets those in whom only he held up.
TYPED_TEST(AnySharedMutex, who_gives_up_holds_nobody_up) {
  for (const bool fiber : {false, true}) {
    sim world{1};
    TypeParam m;
    m.lock_shared();
    const auto gives_up = [&] { EXPECT_FALSE(m.lock(world.in(2ms))); };
    if (fiber) world.spawn(gives_up);
    else world.thread(gives_up);
    (void)world.parked();
    int inside = 0;
    const auto shares = [&] {
      const std::shared_lock hold{m};
      ++inside;
    };
    world.spawn(shares);
    world.thread(shares);
    EXPECT_EQ(world.parked(), 3u);
    EXPECT_EQ(inside, 0);
    world.advance(3ms);
    EXPECT_EQ(inside, 2);
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
  }
}

// --- misuse

TEST(SharedMutexDeathTest, taking_it_again_is_an_assertion) {
  shared_mutex m;
  m.lock();
  EXPECT_DEATH(m.lock(), "locked by who holds it already");
  EXPECT_DEATH((void)m.lock(deadline::never()), "locked by who holds it already");
  EXPECT_DEATH((void)m.try_lock(), "locked by who holds it already");
  EXPECT_DEATH(m.lock_shared(), "locked by who holds it already");
  EXPECT_DEATH((void)m.try_lock_shared(), "locked by who holds it already");
  m.unlock();
}

TEST(SharedMutexDeathTest, releasing_it_without_holding_it_is_an_assertion) {
  shared_mutex m;
  EXPECT_DEATH(m.unlock(), "released by who does not hold it");
  EXPECT_DEATH(m.unlock_shared(), "released by who does not share it");
  m.lock();
  EXPECT_DEATH(m.unlock_shared(), "released by who does not share it");
  m.unlock();
  m.lock_shared();
  EXPECT_DEATH(m.unlock(), "released by who does not hold it");
  m.unlock_shared();
  const auto unlock_of_another = [&] {
    sim world{1};
    world.thread([&] { m.lock(); });
    world.run();
    m.unlock();
  };
  EXPECT_DEATH(unlock_of_another(), "released by who does not hold it");
}

TEST(SharedMutexDeathTest, destroying_it_while_it_is_held_is_an_assertion) {
  const auto destroy_held = [] {
    shared_mutex m;
    m.lock_shared();
  };
  EXPECT_DEATH(destroy_held(), "destroyed while somebody holds it");
}

}  // namespace
}  // namespace weft

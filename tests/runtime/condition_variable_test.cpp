// condition_variable in simulated worlds: what std promises of std::condition_variable_any, and every way of
// ending a wait.
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sim/sim.hpp>
#include <weft/runtime/condition_variable.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/recursive_mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

// --- what std promises

static_assert(std::is_nothrow_default_constructible_v<condition_variable>);
static_assert(!std::is_copy_constructible_v<condition_variable>);
static_assert(!std::is_copy_assignable_v<condition_variable>);
static_assert(noexcept(std::declval<condition_variable&>().notify_one()));
static_assert(noexcept(std::declval<condition_variable&>().notify_all()));
static_assert(std::is_void_v<
              decltype(std::declval<condition_variable&>().wait(std::declval<std::unique_lock<mutex>&>()))>);
static_assert(std::is_same_v<std::cv_status, decltype(std::declval<condition_variable&>().wait_for(
                                                 std::declval<mutex&>(), 1s))>);

TEST(ConditionVariable, notify_one_wakes_the_oldest_and_notify_all_all) {
  sim world{1};
  mutex m;
  condition_variable changed;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    const auto waits = [&, i] {
      std::unique_lock hold{m};
      changed.wait(hold);
      EXPECT_TRUE(hold.owns_lock());
      EXPECT_EQ(m.owner(), &detail::current_parker());
      order.push_back(i);
    };
    if (i % 2 == 0) world.spawn(waits);
    else world.thread(waits);
    (void)world.parked();
  }
  EXPECT_EQ(world.parked(), 5u);
  EXPECT_TRUE(m.try_lock());  // not held while they wait
  m.unlock();
  changed.notify_one();
  EXPECT_EQ(world.parked(), 4u);
  changed.notify_one();
  EXPECT_EQ(world.parked(), 3u);
  EXPECT_EQ(order, (std::vector{0, 1}));
  changed.notify_all();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(order.size(), 5u);
}

TEST(ConditionVariable, a_notification_that_nobody_waits_for_is_not_kept) {
  sim world{1};
  mutex m;
  condition_variable changed;
  changed.notify_one();
  changed.notify_all();
  world.spawn([&] {
    std::unique_lock hold{m};
    EXPECT_EQ(changed.wait_for(hold, 1ms), std::cv_status::timeout);
  });
  world.advance(2ms);
  EXPECT_EQ(world.parked(), 0u);
}

TEST(ConditionVariable, waits_until_the_predicate_holds) {
  sim world{1};
  mutex m;
  condition_variable changed;
  int value = 0, asked = 0;
  bool through = false;
  world.spawn([&] {
    std::unique_lock hold{m};
    changed.wait(hold, [&] {
      EXPECT_TRUE(hold.owns_lock());
      return ++asked, value == 2;
    });
    through = true;
  });
  (void)world.parked();
  for (int i = 1; i <= 2; ++i) {
    EXPECT_FALSE(through);
    {
      const std::lock_guard hold{m};
      value = i;
    }
    changed.notify_one();
    (void)world.parked();
  }
  EXPECT_TRUE(through);
  EXPECT_EQ(asked, 3);
}

TEST(ConditionVariable, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  mutex m;
  condition_variable changed;
  result<void> on_fiber, on_thread;
  const auto waits = [&](result<void>& r) {
    std::unique_lock hold{m};
    r = changed.wait(hold, world.in(5ms));
    EXPECT_EQ(m.owner(), &detail::current_parker());
  };
  world.spawn([&] { waits(on_fiber); });
  world.thread([&] { waits(on_thread); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
}

TEST(ConditionVariable, the_predicate_is_asked_once_more_at_the_deadline) {
  sim world{1};
  mutex m;
  condition_variable changed;
  bool ready = false;
  const auto is_ready = [&] { return ready; };
  world.spawn([&] {
    std::unique_lock hold{m};
    EXPECT_EQ(changed.wait(hold, world.in(1ms), is_ready).error(), errc::deadline_exceeded);
    EXPECT_FALSE(changed.wait_for(hold, 1ms, is_ready));
    EXPECT_TRUE(changed.wait(hold, world.in(5ms), is_ready));
    EXPECT_TRUE(changed.wait(hold, deadline::past(), is_ready));  // never fails if it holds
    EXPECT_TRUE(changed.wait_until(hold, world.now() - 1ms, is_ready));
  });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 1u);
  ready = true;  // and nobody is told
  world.advance(10ms);
  EXPECT_EQ(world.parked(), 0u);
}

TEST(ConditionVariable, waits_by_every_clock) {
  sim world{1};
  mutex m;
  condition_variable changed;
  bool ready = false;
  const auto is_ready = [&] { return ready; };
  std::stop_source stop;
  int timeouts = 0;
  world.spawn([&] {
    std::unique_lock hold{m};
    timeouts += changed.wait_for(hold, 0s) == std::cv_status::timeout;
    timeouts += changed.wait_for(hold, -1h) == std::cv_status::timeout;
    timeouts += changed.wait_for(hold, 1.5e-3s) == std::cv_status::timeout;
    timeouts += changed.wait_until(hold, world.now() + 1ms) == std::cv_status::timeout;
    timeouts += changed.wait_until(hold, std::chrono::system_clock::now() - 1h) == std::cv_status::timeout;
    timeouts += !changed.wait_until(hold, std::chrono::system_clock::now() - 1h, is_ready);
    timeouts += !changed.wait_until(hold, stop.get_token(), world.now() + 1ms, is_ready);
    timeouts += !changed.wait_for(hold, stop.get_token(), 1ms, is_ready);
    timeouts += !changed.wait_until(hold, stop.get_token(), std::chrono::system_clock::now() - 1h, is_ready);
    EXPECT_TRUE(changed.wait_for(hold, std::chrono::hours::max(), is_ready));
  });
  world.advance(20ms);
  EXPECT_EQ(timeouts, 9);
  EXPECT_EQ(world.parked(), 1u);
  ready = true;
  changed.notify_one();
  EXPECT_EQ(world.parked(), 0u);
}

TEST(ConditionVariable, a_stop_of_the_fiber_ends_only_the_calls_with_a_deadline) {
  sim world{1};
  mutex m;
  condition_variable changed;
  result<void> bounded, with_predicate;
  bool through = false;
  auto task = world.rt().spawn([&] {
    std::unique_lock hold{m};
    bounded = changed.wait(hold, deadline::never());
    EXPECT_TRUE(hold.owns_lock());
    with_predicate = changed.wait(hold, deadline::never(), [] { return false; });
    EXPECT_TRUE(changed.wait(hold, deadline::never(), [] { return true; }));
    changed.wait(hold);
    EXPECT_EQ(changed.wait_for(hold, 1ms), std::cv_status::timeout);
    through = true;
  });
  world.advance(1ms);
  EXPECT_TRUE(task.request_stop());
  world.advance(1ms);
  EXPECT_EQ(bounded.error(), errc::canceled);
  EXPECT_EQ(with_predicate.error(), errc::canceled);
  EXPECT_FALSE(through);
  changed.notify_one();
  world.advance(3ms);
  EXPECT_TRUE(through);
  task.join();
}

TEST(ConditionVariable, a_deadline_of_the_fiber_ends_only_the_calls_with_one) {
  sim world{1};
  mutex m;
  condition_variable changed;
  world.spawn([&] {
    std::unique_lock hold{m};
    with_deadline(2ms, [&] {
      EXPECT_EQ(changed.wait(hold, deadline::never()).error(), errc::deadline_exceeded);
      const auto began = world.now();
      EXPECT_EQ(changed.wait_for(hold, 3ms), std::cv_status::timeout);
      EXPECT_GE(world.now() - began, 3ms);
    });
  });
  world.advance(10ms);
  EXPECT_EQ(world.parked(), 0u);
}

TEST(ConditionVariable, a_stop_token_ends_the_wait) {
  for (const bool fiber : {false, true}) {
    sim world{1};
    mutex m;
    condition_variable changed;
    std::stop_source stop;
    bool ready = false, last = true;
    const auto is_ready = [&] { return ready; };
    const auto waits = [&] {
      std::unique_lock hold{m};
      EXPECT_FALSE(changed.wait_for(hold, stop.get_token(), 1ms, is_ready));
      last = changed.wait(hold, stop.get_token(), is_ready);
      EXPECT_TRUE(hold.owns_lock());
      ready = true;
      EXPECT_TRUE(changed.wait(hold, stop.get_token(), is_ready));  // stopped, but it holds
      EXPECT_FALSE(changed.wait(hold, stop.get_token(), [] { return false; }));
    };
    if (fiber) world.spawn(waits);
    else world.thread(waits);
    world.advance(2ms);
    EXPECT_EQ(world.parked(), 1u);
    changed.notify_all();
    EXPECT_EQ(world.parked(), 1u);
    stop.request_stop();
    EXPECT_EQ(world.parked(), 0u);
    EXPECT_FALSE(last);
  }
}

TEST(ConditionVariable, works_with_every_lock) {
  sim world{1};
  condition_variable changed;
  mutex plain;
  recursive_mutex recursive;
  shared_mutex shared;
  int through = 0;
  world.spawn([&] {
    plain.lock();
    changed.wait(plain);
    ++through;
    plain.unlock();
  });
  world.spawn([&] {
    std::unique_lock hold{recursive};
    changed.wait(hold);
    ++through;
  });
  world.thread([&] {
    std::shared_lock hold{shared};
    changed.wait(hold);
    ++through;
  });
  world.thread([&] {
    std::unique_lock hold{shared};
    changed.wait(hold);
    ++through;
  });
  EXPECT_EQ(world.parked(), 4u);
  changed.notify_all();
  world.run();
  EXPECT_EQ(through, 4);
}

// unlock() may wait: the waiter does not, yet.
TEST(ConditionVariable, a_lock_whose_release_waits_loses_no_notification) {
  sim world{1};
  event may_unlock;
  struct slow {
    event& gate;
    void lock() {}
    void unlock() { ASSERT_TRUE(gate.wait()); }
  } lock{may_unlock};
  condition_variable changed;
  const auto waits = [&] { changed.wait(lock); };
  world.spawn(waits);
  world.thread(waits);
  EXPECT_EQ(world.parked(), 2u);
  changed.notify_one();
  changed.notify_one();
  EXPECT_EQ(world.parked(), 2u);
  may_unlock.set();
  EXPECT_EQ(world.parked(), 0u);
}

TEST(ConditionVariable, what_the_release_or_the_predicate_throws_comes_out) {
  sim world{1};
  condition_variable changed;
  mutex m;
  world.spawn([&] {
    std::unique_lock hold{m, std::defer_lock};
    EXPECT_THROW(changed.wait(hold), std::system_error);  // not held
    changed.notify_all();                                 // meets nobody
    hold.lock();
    EXPECT_THROW(changed.wait(hold, []() -> bool { throw std::runtime_error{"no"}; }), std::runtime_error);
    EXPECT_TRUE(hold.owns_lock());
  });
  world.run();
}

TEST(ConditionVariableDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  const auto destroy_awaited = [] {
    sim world{1};
    mutex m;
    auto changed = std::make_unique<condition_variable>();
    world.thread([&] {
      std::unique_lock hold{m};
      changed->wait(hold);
    });
    (void)world.parked();
    changed.reset();
  };
  EXPECT_DEATH(destroy_awaited(), "destroyed while somebody waits");
}

}  // namespace
}  // namespace weft

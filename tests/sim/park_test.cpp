// park(): wake, timeout and cancellation raced for the same wait, against a model: exactly one of them wins,
// the waiter hears which, and nobody is lost. Raw waits on a slot, below all primitives; then the joins of
// fibers.
#include <chrono>
#include <mutex>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::park_reason;
using detail::wait;
using detail::wake_reason;

constexpr std::uint64_t seeds = 10'000;
constexpr int rounds = 3;

// The smallest primitive: one waiter, any number of wakers.
class slot {
 public:
  explicit slot(sim& world) : world_{world} {}

  // `rounds` waits in a row, so that what was meant for one and comes late hits the next.
  void wait_often(deadline until) {
    for (int round = 0; round < rounds; ++round) {
      wait w{/*cancellable=*/true};
      const int wakes_before = wakes_;
      {
        const std::lock_guard hold{lock_};
        waiter_ = &w;
      }
      const wake_reason how = park(w, until, park_reason::event);
      {
        const std::lock_guard hold{lock_};
        waiter_ = nullptr;
      }
      judge(how, wakes_ - wakes_before, until);
      if (how != wake_reason::woken) break;
    }
    left_ = true;
  }

  // Claims under the lock; a fiber is resumed without it, a thread within.
  void wake() {
    detail::parker* fiber = nullptr;
    {
      const std::lock_guard hold{lock_};
      if (waiter_ == nullptr || !waiter_->claim(wake_reason::woken)) return;
      ++wakes_;
      if (waiter_->who->is_fiber()) fiber = waiter_->who;
      else waiter_->who->resume();
    }
    if (fiber != nullptr) fiber->resume();
  }

  bool left() const { return left_; }
  void stopped() { stopped_ = true; }

 private:
  void judge(wake_reason how, int wakes, deadline until) {
    switch (how) {
      case wake_reason::pending: world_.check(false, "park() returned and nobody had won"); break;
      case wake_reason::woken: world_.check(wakes == 1, "woken, but not by exactly one"); break;
      case wake_reason::timed_out:
        world_.check(wakes == 0, "timed out, and woken too");
        world_.check(until.expired(), "timed out too early");
        break;
      case wake_reason::canceled:
        world_.check(wakes == 0, "cancelled, and woken too");
        world_.check(stopped_, "cancelled by nobody");
        break;
    }
  }

  sim& world_;
  detail::thread_mutex lock_;
  wait* waiter_ = nullptr;
  int wakes_ = 0;
  bool stopped_ = false;
  bool left_ = false;
};

// Sleeps until exactly then, on a fiber or a thread.
void rest(deadline until) {
  wait w{/*cancellable=*/false};
  (void)park(w, until, park_reason::sleep);
}

// Wakers on threads and on a fiber of another worker; the deadline falls among the wakes; a stop comes too.
void race_for_a_wait(sim& world, bool on_fiber) {
  slot s{world};
  const deadline until = world.in(1ms);
  task<void> waiter;
  if (on_fiber) waiter = world.rt().spawn([&] { s.wait_often(until); }, {.name = "waiter"});
  else world.thread([&] { s.wait_often(until); }, "waiter");

  const auto wakes = [&] {
    if (world.random(2) == 0) rest(until);
    s.wake();
    s.wake();
  };
  world.thread(wakes, "waker");
  world.spawn(wakes, "waker");
  world.thread(
      [&] {
        if (!on_fiber) return;
        if (world.random(2) == 0) rest(until);
        if (world.random(2) == 0) {
          s.stopped();
          (void)waiter.request_stop();
        }
        waiter.join();
      },
      "stopper");
  world.run();
  world.check(s.left(), "the waiter is lost");
}

TEST(Park, exactly_one_ends_the_wait_of_a_fiber) {
  explore(seeds, [](sim& world) { race_for_a_wait(world, true); }, {.workers = 2});
}

TEST(Park, exactly_one_ends_the_wait_of_a_thread) {
  explore(seeds, [](sim& world) { race_for_a_wait(world, false); });
}

TEST(Park, slow_threads_change_nothing) {
  explore(seeds / 2, [](sim& world) { race_for_a_wait(world, world.random(2) == 0); },
          {.slowness = 20, .workers = 2});
}

TEST(Park, every_operation_is_needed) {
  using enum mutation::change;
  const auto race = [](sim& world) { race_for_a_wait(world, world.random(2) == 0); };
  expect_mutations_found(
      "runtime/parker.hpp", seeds, race,
      {{"number = (word_.load", drop,
        "one change back there is the same number, and the outcome is masked out"},
       {"wake_reason::woken), std::memory_order_relaxed", drop, "any number will do, if no wait is pending"}},
      {.workers = 2});
  expect_mutations_found("runtime/park.cpp", seeds, race,
                         {{"sleeper.bell.load", drop, "who waits for no descriptor has no bell"}},
                         {.workers = 2});
}

}  // namespace
}  // namespace weft

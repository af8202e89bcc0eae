// counting_semaphore in simulated worlds: what std promises of it, every way of waiting against every way of
// ending the wait, and its end.
#include <chrono>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

// --- what std promises

static_assert(!std::is_copy_constructible_v<counting_semaphore<>>);
static_assert(!std::is_copy_assignable_v<counting_semaphore<>>);
static_assert(!std::is_convertible_v<std::ptrdiff_t, counting_semaphore<>>, "the constructor is explicit");
static_assert(std::is_same_v<binary_semaphore, counting_semaphore<1>>);
static_assert(counting_semaphore<5>::max() >= 5 && binary_semaphore::max() >= 1);
static_assert(noexcept(std::declval<binary_semaphore&>().try_acquire()));
static_assert(std::is_void_v<decltype(std::declval<binary_semaphore&>().acquire())>);

TEST(SemaphoreConformance, begins_with_what_it_is_given) {
  sim world{1};
  counting_semaphore<3> three{3};
  EXPECT_TRUE(three.try_acquire());
  EXPECT_TRUE(three.try_acquire());
  EXPECT_TRUE(three.try_acquire());
  EXPECT_FALSE(three.try_acquire());
  binary_semaphore none{0};
  EXPECT_FALSE(none.try_acquire());
}

TEST(SemaphoreConformance, release_adds_as_many_as_it_is_told) {
  sim world{1};
  counting_semaphore<8> s{0};
  s.release(2);
  s.release();
  s.release(0);
  for (int i = 0; i < 3; ++i) s.acquire();
  EXPECT_FALSE(s.try_acquire());
}

TEST(SemaphoreConformance, release_unblocks_who_waits) {
  sim world{1};
  counting_semaphore<> s{0};
  int through = 0;
  for (int i = 0; i < 3; ++i) {
    world.spawn([&] { s.acquire(), ++through; });
    world.thread([&] { s.acquire(), ++through; });
  }
  EXPECT_EQ(world.parked(), 6u);
  s.release(4);
  EXPECT_EQ(world.parked(), 2u);
  s.release(3);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(through, 6);
  EXPECT_TRUE(s.try_acquire());
  EXPECT_FALSE(s.try_acquire());
}

TEST(SemaphoreConformance, timed_forms_say_whether_they_have_got_one) {
  sim world{1};
  counting_semaphore<2> s{2};
  EXPECT_TRUE(s.try_acquire_for(0s));
  EXPECT_TRUE(s.try_acquire_until(std::chrono::steady_clock::time_point{}));
  EXPECT_FALSE(s.try_acquire_for(-1s));
  bool for_fiber = true, until_thread = true;
  const auto begin = world.now();
  world.spawn([&] { for_fiber = s.try_acquire_for(5ms); });
  world.thread([&] { until_thread = s.try_acquire_until(begin + 5ms); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_FALSE(for_fiber);
  EXPECT_FALSE(until_thread);
  s.release(2);
  EXPECT_TRUE(s.try_acquire()) << "who gave up has taken something";
  EXPECT_TRUE(s.try_acquire());
}

struct jumping_clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<jumping_clock>;

  static time_point now() {
    static int asked = 0;
    return time_point{asked++ < 2 ? 0ns : 20ms};  // does not move at first
  }
};

TEST(SemaphoreConformance, other_clocks_are_asked_again_before_giving_up) {
  sim world{1};
  binary_semaphore s{0};
  const auto begin = world.now();
  bool got = true;
  world.thread([&] { got = s.try_acquire_until(jumping_clock::time_point{10ms}); });
  world.run();
  EXPECT_FALSE(got);
  EXPECT_GE(world.now() - begin, 10ms);
}

TEST(SemaphoreConformanceDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH(counting_semaphore<2>{3}, "more permits than its maximum");
  EXPECT_DEATH(counting_semaphore<2>{-1}, "a negative number");
  EXPECT_DEATH((counting_semaphore<2>{2}.release()), "more permits than its maximum");
  EXPECT_DEATH((counting_semaphore<2>{1}.release(2)), "more permits than its maximum");
  EXPECT_DEATH((counting_semaphore<2>{0}.release(-1)), "a negative number");
}

// --- what is weft's own

TEST(Semaphore, gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  binary_semaphore s{0};
  result<void> on_fiber, on_thread, past;
  world.spawn([&] { on_fiber = s.acquire(world.in(5ms)); });
  world.thread([&] { on_thread = s.acquire(world.in(5ms)); });
  world.spawn([&] { past = s.acquire(0ns); });
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(on_fiber.error(), errc::deadline_exceeded);
  EXPECT_EQ(on_thread.error(), errc::deadline_exceeded);
  EXPECT_EQ(past.error(), errc::deadline_exceeded);
  s.release();
  EXPECT_TRUE(s.acquire(deadline::past()));
}

TEST(Semaphore, a_stop_ends_the_cancellable_wait_only) {
  sim world{1};
  binary_semaphore s{0};
  auto cancellable = world.rt().spawn([&] { return s.acquire(deadline::never()); });
  auto deaf = world.rt().spawn([&] { s.acquire(); });
  world.advance(1ms);
  EXPECT_TRUE(cancellable.request_stop());
  EXPECT_TRUE(deaf.request_stop());
  EXPECT_EQ(cancellable.join().error(), errc::canceled);
  world.advance(1ms);
  EXPECT_EQ(deaf.join(deadline::past()).error(), errc::deadline_exceeded) << "acquire() is no such point";
  s.release();
  deaf.join();
}

TEST(Semaphore, a_stopped_fiber_still_gets_what_is_there) {
  sim world{1};
  binary_semaphore s{1};
  auto t = world.rt().spawn([&] { return s.acquire(deadline::never()); });
  (void)t.request_stop();
  EXPECT_TRUE(t.join());
}

TEST(Semaphore, serves_who_came_first_and_nobody_gets_past) {
  sim world{1};
  counting_semaphore<> s{0};
  std::string order;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    if (name % 2 == 0) world.spawn([&, name] { s.acquire(), order += name; });
    else world.thread([&, name] { s.acquire(), order += name; });
    world.advance(1ms);
  }
  for (int i = 1; i <= 4; ++i) {
    s.release();
    EXPECT_FALSE(s.try_acquire()) << "past " << 5 - i << " who waited";
    world.advance(1ms);
  }
  EXPECT_EQ(order, "abcd");
}

TEST(Semaphore, the_one_who_gives_up_is_passed_over) {
  sim world{1};
  binary_semaphore s{0};
  bool second = false;
  world.spawn([&] { EXPECT_FALSE(s.acquire(world.in(1ms))); });
  world.advance(0ms);
  world.spawn([&] { s.acquire(), second = true; });
  world.advance(2ms);
  EXPECT_EQ(world.parked(), 1u);
  s.release();
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_TRUE(second);
}

TEST(SemaphoreDeathTest, must_not_die_under_who_waits) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto s = std::make_unique<binary_semaphore>(0);
        world.spawn([&] { s->acquire(); });
        world.advance(1ms);
        s.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving

// Whoever gets the last permit destroys the semaphore, whatever the releaser still has to do.
void release_and_destroy(sim& world) {
  auto s = std::make_unique<binary_semaphore>(0);
  int data = 0;
  const std::uint64_t how = world.random(3);
  const auto waits = [&, how] {
    if (how == 0) s->acquire();
    else if (how == 1) world.check(s->acquire(deadline::never()).has_value(), "acquire() failed");
    else
      while (!s->try_acquire()) detail::spin_pause();
    world.check(data == 1, "does not see what was written before release()");
    destroy_and_spoil(std::move(s));
  };
  const auto gives = [&, at = s.get()] {
    data = 1;
    at->release();
  };
  if (how != 2 && world.random(2) == 0) world.spawn(waits, "waiter");
  else world.thread(waits, "waiter");
  if (world.random(2) == 0) world.spawn(gives, "releaser");
  else world.thread(gives, "releaser");
  world.run();
}

TEST(Semaphore, may_be_destroyed_by_who_gets_the_last_permit) {
  explore(seeds, release_and_destroy, {.workers = 2});
}

// Fibers and threads come and go in every way; a model counts who is inside.
class model {
 public:
  explicit model(sim& world)
      : world_{world}, permits_{1 + static_cast<int>(world.random(2))}, s_{permits_}, due_{world.in(1ms)} {}

  void visit() {
    switch (world_.random(5)) {
      case 0: s_.acquire(); break;
      case 1:
        if (!s_.try_acquire()) return;
        break;
      case 2:
        if (!s_.try_acquire_until(std::chrono::steady_clock::time_point{std::chrono::nanoseconds{due_.at}}))
          return expect_due();
        break;
      case 3:
        if (!s_.try_acquire_for(0ns)) return;
        break;
      default: {
        const result<void> r = s_.acquire(world_.random(2) == 0 ? due_ : deadline::past());
        if (!r) {
          world_.check(r.error() == errc::deadline_exceeded, "the wrong error");
          return;
        }
      }
    }
    inside();
  }

  // Stays till the deadlines of the others are there.
  void stay() {
    s_.acquire();
    sleep_until(due_);
    inside();
  }

  void cancellable() {
    const result<void> r = s_.acquire(deadline::never());
    world_.check(r || r.error() == errc::canceled, "the wrong error");
    if (r) inside();
  }

  void expect_all_are_back() {
    for (int i = 0; i < permits_; ++i) world_.check(s_.try_acquire(), "a permit was lost");
    world_.check(!s_.try_acquire(), "a permit was made of nothing");
  }

 private:
  void expect_due() { world_.check(due_.expired(), "too early"); }

  void inside() {
    world_.check(++inside_ <= permits_, "more are inside than there are permits");
    world_.interleave();
    --inside_;
    s_.release();
  }

  sim& world_;
  int permits_;
  counting_semaphore<2> s_;
  deadline due_;
  int inside_ = 0;
};

void visit_in_every_way(sim& world) {
  model m{world};
  const auto visits = [&] {
    for (int i = 0; i < 2; ++i) m.visit();
  };
  world.spawn([&] { m.stay(); });
  world.spawn(visits);
  world.spawn(visits);
  world.thread(visits);
  world.thread(visits);
  auto stopped = world.rt().spawn([&] { m.cancellable(); });
  world.thread([&] {
    if (world.random(2) == 0) sleep_until(world.in(1ms));
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  m.expect_all_are_back();
}

TEST(Semaphore, no_permit_is_lost_or_made_and_every_wait_ends) {
  explore(seeds, visit_in_every_way, {.workers = 2});
}

TEST(Semaphore, every_operation_is_needed) {
  const auto race = [](sim& world) {
    if (world.random(2) == 0) release_and_destroy(world);
    else visit_in_every_way(world);
  };
  expect_lock_mutations_found(seeds, race);
}

}  // namespace
}  // namespace weft

// The timer wheel against a multimap, and its edges one by one. All times are chosen: no clock is read but
// for the figures.
#include <weft/runtime/timer_wheel.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

using weft::detail::timer;
using weft::detail::timer_wheel;

constexpr std::int64_t tick = std::int64_t{1} << timer_wheel::tick_bits;
constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t start = 1'000'000'000'000'123;  // some uptime, within a tick

/// A timer that counts its calls and does what it is told.
struct probe : timer {
  probe() : timer{[](timer& t) noexcept { static_cast<probe&>(t).run(); }} {}

  void run() noexcept {
    ++calls;
    EXPECT_FALSE(armed());
    if (then) then();
  }

  int calls = 0;
  std::function<void()> then;
};

TEST(TimerWheel, fires_at_the_nanosecond_and_not_before) {
  for (const std::int64_t delay : {std::int64_t{1}, tick - 1, tick, tick + 1, 63 * tick, 64 * tick,
                                   64 * 64 * tick + 5, std::int64_t{3'600'000'000'000}}) {
    timer_wheel wheel{start};
    probe t;
    wheel.insert(t, start + delay);
    wheel.advance(start + delay - 1);
    EXPECT_EQ(t.calls, 0) << delay;
    EXPECT_TRUE(t.armed());
    wheel.advance(start + delay);
    EXPECT_EQ(t.calls, 1) << delay;
    EXPECT_FALSE(t.armed());
    EXPECT_TRUE(wheel.empty());
  }
}

TEST(TimerWheel, what_has_passed_fires_at_the_next_advance) {
  timer_wheel wheel{start};
  probe now, before, long_ago, earliest;
  wheel.insert(now, start);
  wheel.insert(before, start - 1);
  wheel.insert(long_ago, start - 1'000'000'000);
  wheel.insert(earliest, std::numeric_limits<std::int64_t>::min());
  EXPECT_LE(wheel.next(), start);
  wheel.advance(start);
  EXPECT_EQ(now.calls + before.calls + long_ago.calls + earliest.calls, 4);
}

TEST(TimerWheel, what_passes_within_a_tick_fires_within_it) {
  timer_wheel wheel{0};
  wheel.advance(100);
  probe t, u;
  wheel.insert(t, 150);
  wheel.insert(u, 300);
  EXPECT_EQ(wheel.next(), tick);
  wheel.advance(200);
  EXPECT_EQ(t.calls, 1);
  EXPECT_EQ(u.calls, 0);
  wheel.advance(300);
  EXPECT_EQ(u.calls, 1);
}

TEST(TimerWheel, cancelled_timers_do_not_fire) {
  timer_wheel wheel{start};
  probe a, b;
  wheel.insert(a, start + 10 * tick);
  wheel.insert(b, start + 10 * tick);
  EXPECT_EQ(wheel.size(), 2u);
  wheel.cancel(a);
  wheel.cancel(a);  // no effect
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(start + 11 * tick);
  EXPECT_EQ(a.calls, 0);
  EXPECT_EQ(b.calls, 1);
  EXPECT_EQ(wheel.next(), far);
}

TEST(TimerWheel, next_is_never_for_an_empty_wheel) {
  timer_wheel wheel{start};
  EXPECT_EQ(wheel.next(), far);
  probe t;
  wheel.insert(t, start + 5);
  EXPECT_NE(wheel.next(), far);
  wheel.cancel(t);
  EXPECT_EQ(wheel.next(), far);
}

TEST(TimerWheel, next_is_at_most_one_tick_late) {
  timer_wheel wheel{start};
  probe t;
  for (std::int64_t delay = tick; delay < tick << 40; delay = delay * 3 / 2 + 1) {
    wheel.insert(t, start + delay);
    EXPECT_LE(wheel.next(), start + delay + tick);
    EXPECT_GT(wheel.next(), start);
    wheel.cancel(t);
  }
}

// A sleeper that wakes whenever it is told to finds the timer after a few wake-ups, none of them twice the
// same.
TEST(TimerWheel, following_next_reaches_a_timer_in_few_steps) {
  for (const std::int64_t delay : {tick / 2, 5 * tick, tick << 14, tick << 26, tick << 40, far - start}) {
    timer_wheel wheel{start};
    probe t;
    wheel.insert(t, start + delay);
    std::int64_t now = start;
    int wakeups = 0;
    while (t.calls == 0 && wakeups < 20) {
      ASSERT_GT(wheel.next(), now);
      now = wheel.next();
      wheel.advance(now);
      ++wakeups;
    }
    EXPECT_EQ(t.calls, 1) << delay;
    EXPECT_LE(wakeups, 8) << delay;
    EXPECT_GE(now, start + delay);
    EXPECT_LE(now - (start + delay), tick);
  }
}

TEST(TimerWheel, reaches_the_end_of_time) {
  timer_wheel wheel{start};
  probe last, almost;
  wheel.insert(last, far);
  wheel.insert(almost, far - 1);
  wheel.advance(far - tick * 64);
  EXPECT_LE(wheel.next(), far);
  wheel.advance(far - 2);
  EXPECT_EQ(almost.calls + last.calls, 0);
  wheel.advance(far - 1);
  EXPECT_EQ(almost.calls, 1);
  EXPECT_EQ(last.calls, 0);
  EXPECT_EQ(wheel.next(), far);
  wheel.advance(far);
  EXPECT_EQ(last.calls, 1);
}

TEST(TimerWheel, one_jump_over_everything_fires_everything) {
  timer_wheel wheel{0};
  std::deque<probe> all(1000);
  std::int64_t at = 1;
  for (probe& t : all) wheel.insert(t, at = at < far / 2 ? at + at / 16 + 1 : far - 1);
  wheel.advance(far);
  for (const probe& t : all) EXPECT_EQ(t.calls, 1);
}

TEST(TimerWheel, a_timer_may_insert_itself_again) {
  timer_wheel wheel{start};
  probe t;
  std::int64_t now = start;
  t.then = [&] { wheel.insert(t, now + 3 * tick); };
  wheel.insert(t, now);
  for (int i = 0; i < 100; ++i) {
    wheel.advance(now);
    EXPECT_EQ(t.calls, i + 1);
    now += 3 * tick;
  }
  wheel.cancel(t);
}

// Else a fiber that sleeps for zero in a loop would keep the worker in advance() for ever.
TEST(TimerWheel, what_is_inserted_due_while_firing_waits_for_the_next_advance) {
  timer_wheel wheel{start};
  probe t;
  t.then = [&] {
    if (t.calls < 3) wheel.insert(t, start - 1);
  };
  wheel.insert(t, start);
  for (int calls = 1; calls <= 3; ++calls) {
    EXPECT_LE(wheel.next(), start);
    wheel.advance(start);
    EXPECT_EQ(t.calls, calls);
  }
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, a_timer_may_cancel_others_that_are_due_and_that_are_not) {
  timer_wheel wheel{start};
  probe a, b, later;
  const auto cancel_all = [&] {
    for (probe* t : {&a, &b, &later}) wheel.cancel(*t);
  };
  a.then = b.then = cancel_all;
  wheel.insert(a, start + 1);
  wheel.insert(b, start + 1);
  wheel.insert(later, start + 100 * tick);
  wheel.advance(start + tick);
  EXPECT_EQ(a.calls + b.calls, 1);
  EXPECT_TRUE(wheel.empty());
  wheel.advance(start + 200 * tick);
  EXPECT_EQ(later.calls, 0);
}

TEST(TimerWheel, a_due_timer_may_be_moved_by_another) {
  timer_wheel wheel{start};
  probe a, b;
  const auto delay_other = [&](probe& other) {
    wheel.cancel(other);
    wheel.insert(other, start + 50 * tick);
  };
  a.then = [&] {
    if (b.calls == 0) delay_other(b);
  };
  b.then = [&] {
    if (a.calls == 0) delay_other(a);
  };
  wheel.insert(a, start + 1);
  wheel.insert(b, start + 2);
  wheel.advance(start + tick);
  EXPECT_EQ(a.calls + b.calls, 1);
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(start + 50 * tick);
  EXPECT_EQ(a.calls + b.calls, 2);
}

TEST(TimerWheel, a_timer_may_free_itself) {
  timer_wheel wheel{start};
  auto t = std::make_unique<probe>();
  bool freed = false;
  t->then = [&] {
    freed = true;
    // The function object dies with the probe: keep nothing of it on the way out.
    t.reset();
  };
  wheel.insert(*t, start);
  wheel.advance(start);
  EXPECT_TRUE(freed);
}

TEST(TimerWheel, a_clock_that_steps_back_fires_nothing_twice_and_nothing_early) {
  timer_wheel wheel{start};
  probe t;
  wheel.advance(start + 1000 * tick);
  wheel.insert(t, start + 1001 * tick);
  wheel.advance(start);
  EXPECT_EQ(t.calls, 0);
  wheel.advance(start + 1001 * tick);
  EXPECT_EQ(t.calls, 1);
}

// --- against the model

struct modelled : timer {
  explicit modelled() : timer{[](timer& t) noexcept { static_cast<modelled&>(t).fired = true; }} {}
  bool fired = false;
};

/// A span of time of a random order of magnitude, from nanoseconds to centuries, often at the edge of a slot.
std::int64_t random_span(std::mt19937_64& random) {
  const auto bits = std::uniform_int_distribution<int>{0, random() % 8 == 0 ? 61 : 36}(random);
  auto span = static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1));
  if (random() % 4 == 0) span &= ~(tick - 1);
  return span;
}

class model {
 public:
  explicit model(std::uint64_t seed)
      : random_{seed},
        now_{static_cast<std::int64_t>(random_() % (std::uint64_t{1} << 50))},
        wheel_{now_},
        timers_(200) {}

  void step() {
    modelled& t = timers_[random_() % timers_.size()];
    const auto action = random_() % 8;
    if (action == 0) advance();
    else if (action <= 4) insert(t);
    else cancel(t);
    check_next();
    ASSERT_EQ(wheel_.size(), armed_.size());
  }

  void finish() {
    wheel_.advance(far);
    for (const auto& [at, t] : armed_) ASSERT_TRUE(t->fired);
    ASSERT_TRUE(wheel_.empty());
  }

 private:
  void insert(modelled& t) {
    if (t.armed()) return;
    const std::int64_t span = random_span(random_);
    const std::int64_t at =
        random_() % 16 == 0 ? now_ - std::min(span, now_) : now_ + std::min(span, far - now_);
    t.fired = false;
    wheel_.insert(t, at);
    armed_.emplace(at, &t);
  }

  void cancel(modelled& t) {
    wheel_.cancel(t);
    std::erase_if(armed_, [&](const auto& entry) { return entry.second == &t; });
    ASSERT_FALSE(t.armed());
  }

  void advance() {
    // As a worker does, to next(); or, as a busy one does, too late; or too early.
    if (random_() % 2 == 0) now_ = std::max(now_, std::min(wheel_.next(), far / 2));
    else now_ = std::min(now_ + random_span(random_), far / 2);
    wheel_.advance(now_);
    while (!armed_.empty() && armed_.begin()->first <= now_) {
      ASSERT_TRUE(armed_.begin()->second->fired) << "never";
      ASSERT_FALSE(armed_.begin()->second->armed());
      armed_.erase(armed_.begin());
    }
    for (const auto& [at, t] : armed_) ASSERT_FALSE(t->fired) << "early by " << at - now_;
  }

  void check_next() {
    if (armed_.empty()) {
      ASSERT_EQ(wheel_.next(), far);
      return;
    }
    const std::int64_t first = armed_.begin()->first;
    ASSERT_LE(wheel_.next(), std::max(first, now_) + std::min(tick, far - std::max(first, now_)));
  }

  std::mt19937_64 random_;
  std::int64_t now_;
  timer_wheel wheel_;
  std::deque<modelled> timers_;
  std::multimap<std::int64_t, modelled*> armed_;
};

TEST(TimerWheel, fires_exactly_what_a_multimap_would) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    model m{seed};
    for (int step = 0; step < 2000 && !testing::Test::HasFatalFailure(); ++step) m.step();
    m.finish();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(TimerWheel, holds_a_million) {
  constexpr std::size_t count = 1'000'000;
  std::mt19937_64 random{7};
  static std::size_t fired;
  static std::int64_t now;
  fired = 0;
  now = start;
  std::vector<timer> timers(count);
  timer_wheel wheel{start};
  for (timer& t : timers) {
    t.expire = [](timer& self) noexcept {
      fired += self.at <= now ? 1 : count;
    };  // an early one spoils the sum
    wheel.insert(t, start + static_cast<std::int64_t>(random() % 2'000'000'000));
  }
  EXPECT_EQ(wheel.size(), count);
  int wakeups = 0;
  for (; !wheel.empty(); ++wakeups) {
    now = wheel.next();
    wheel.advance(now);
  }
  EXPECT_EQ(fired, count);
  EXPECT_LE(wakeups, 2'000'000'000 / tick * 66 / 64 + 10);  // each tick once, and the cascades
}

#ifndef NDEBUG
TEST(TimerWheelDeathTest, asserts_on_misuse) {
  timer_wheel wheel{start};
  probe t;
  wheel.insert(t, start + 5);
  EXPECT_DEATH(wheel.insert(t, start + 6), "inserted a timer that is armed");
  EXPECT_DEATH(t.~probe(), "a timer died while armed");
  wheel.cancel(t);
}
#endif

}  // namespace

// token_bucket, leaky_bucket and sliding_window in simulated worlds: what their rules admit, and every way of
// waiting in their line against every way of leaving it.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/lock_mutations.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/leaky_bucket.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/sliding_window.hpp>
#include <weft/runtime/token_bucket.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

constexpr std::uint64_t seeds = 10'000;
constexpr auto tick = 70us;  // no wait ends later than this after its time

// --- the rules, at given times

TEST(TokenBucket, fills_at_its_rate_up_to_the_burst) {
  sim world{1};
  token_bucket b{{.count = 10, .per = 1s}, 3};
  EXPECT_TRUE(b.try_acquire(2));
  EXPECT_FALSE(b.try_acquire(2)) << "one is left";
  EXPECT_TRUE(b.try_acquire());
  EXPECT_FALSE(b.try_acquire());
  world.advance(99ms);
  EXPECT_FALSE(b.try_acquire());
  world.advance(2ms);
  EXPECT_TRUE(b.try_acquire());
  EXPECT_FALSE(b.try_acquire());
  world.advance(1h);
  EXPECT_TRUE(b.try_acquire(3));
  EXPECT_FALSE(b.try_acquire()) << "more than the burst was saved";
  EXPECT_FALSE(b.try_acquire(4)) << "more than it ever holds";
  EXPECT_TRUE(b.try_acquire(0));
}

TEST(LeakyBucket, lets_no_burst_through) {
  sim world{1};
  leaky_bucket b{{.count = 100, .per = 1s}, 5};
  EXPECT_TRUE(b.try_acquire());
  EXPECT_FALSE(b.try_acquire());
  world.advance(9ms);
  EXPECT_FALSE(b.try_acquire());
  world.advance(1100us);
  EXPECT_TRUE(b.try_acquire());
  world.advance(1h);
  EXPECT_TRUE(b.try_acquire(2));
  world.advance(15ms);
  EXPECT_FALSE(b.try_acquire()) << "two weigh twice";
  world.advance(6ms);
  EXPECT_TRUE(b.try_acquire());
}

TEST(SlidingWindow, counts_any_stretch_of_time) {
  sim world{1};
  sliding_window w{{.count = 3, .per = 10ms}};
  EXPECT_TRUE(w.try_acquire());
  world.advance(6ms);
  EXPECT_TRUE(w.try_acquire(2));
  EXPECT_FALSE(w.try_acquire());
  world.advance(4100us);
  EXPECT_TRUE(w.try_acquire()) << "the first is out of the window";
  EXPECT_FALSE(w.try_acquire()) << "the others are not";
  world.advance(5s);
  EXPECT_FALSE(w.try_acquire(4));
  EXPECT_TRUE(w.try_acquire(3));
}

TEST(RateLimiterDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH((token_bucket{{.count = 0, .per = 1s}, 1}), "does not fill");
  EXPECT_DEATH((token_bucket{{.count = 1, .per = 1s}, 0}), "holds nothing");
  EXPECT_DEATH((leaky_bucket{{.count = 1, .per = 0s}, 1}), "does not leak");
  EXPECT_DEATH((sliding_window{{.count = 0}}), "admits nobody");
  EXPECT_DEATH((void)(token_bucket{{.count = 1, .per = 1s}, 2}.acquire(3)),
               "more at once than it ever gives");
  EXPECT_DEATH((void)(sliding_window{{.count = 2}}.acquire(3)), "more at once than it ever gives");
}

TEST(RateLimiterDeathTest, must_not_die_under_who_waits) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto b = std::make_unique<token_bucket>(rate{.count = 1}, 1);
        world.spawn([&] { (void)b->acquire(), (void)b->acquire(); });
        world.advance(1ms);
        b.reset();
      },
      "destroyed while somebody waits");
}

// --- waiting

TEST(RateLimiter, waits_as_long_as_it_must_and_no_longer) {
  sim world{1};
  token_bucket b{{.count = 1000, .per = 1s}, 2};
  std::vector<time_point> at;
  const auto begin = world.now();
  const auto comes = [&] {
    EXPECT_TRUE(b.acquire());
    at.push_back(world.now());
  };
  for (int i = 0; i < 3; ++i) {
    world.spawn(comes);
    world.thread(comes);
  }
  world.advance(0ms);
  EXPECT_EQ(at.size(), 2u);
  EXPECT_EQ(b.waiting(), 4u);
  EXPECT_FALSE(b.try_acquire()) << "past those who wait";
  world.run();
  EXPECT_EQ(b.waiting(), 0u);
  ASSERT_EQ(at.size(), 6u);
  for (int i = 1; i < 6; ++i) {
    const auto took = at[static_cast<std::size_t>(i)] - begin;
    EXPECT_GE(took, (i - 1) * 1ms);
    EXPECT_LE(took, (i - 1) * 1ms + tick) << "late waits must not add up";
  }
}

TEST(RateLimiter, serves_who_came_first) {
  sim world{1};
  sliding_window w{{.count = 1, .per = 10ms}};
  ASSERT_TRUE(w.try_acquire());
  std::string order;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    const auto comes = [&, name] {
      EXPECT_TRUE(w.acquire());
      order += name;
    };
    if (name % 2 == 0) world.spawn(comes);
    else world.thread(comes);
    world.advance(1ms);
  }
  world.run();
  EXPECT_EQ(order, "abcd");
}

TEST(RateLimiter, gives_up_at_its_deadline_or_as_soon_as_that_is_certain) {
  sim world{1};
  token_bucket b{{.count = 100, .per = 1s}, 1};
  ASSERT_TRUE(b.try_acquire());
  const auto begin = world.now();
  world.spawn([&] {
    EXPECT_EQ(b.acquire(1, 5ms).error(), errc::deadline_exceeded);
    EXPECT_EQ(world.now(), begin) << "its turn cannot come before the deadline";
    EXPECT_EQ(b.acquire(1, 0ms).error(), errc::deadline_exceeded);
    with_deadline(5ms, [&] { EXPECT_EQ(b.acquire().error(), errc::deadline_exceeded); });
    EXPECT_EQ(world.now(), begin) << "nor before the caller's own";
    EXPECT_TRUE(b.acquire(1, 15ms));
    EXPECT_GE(world.now() - begin, 10ms);
  });
  world.spawn([&] {
    EXPECT_EQ(b.acquire(1, 5ms).error(), errc::deadline_exceeded);
    EXPECT_GE(world.now() - begin, 5ms) << "not the first in line: it may yet become that";
  });
  world.run();
}

TEST(RateLimiter, who_gives_up_has_taken_nothing) {
  sim world{1};
  token_bucket b{{.count = 100, .per = 1s}, 1};
  ASSERT_TRUE(b.try_acquire());
  auto first = world.rt().spawn([&] { return b.acquire(); });
  world.advance(1ms);
  auto second = world.rt().spawn([&] { return b.acquire(); });
  world.advance(1ms);
  EXPECT_EQ(b.waiting(), 2u);
  (void)first.request_stop();
  EXPECT_EQ(first.join().error(), errc::canceled);
  EXPECT_EQ(b.waiting(), 1u);
  world.advance(8ms + tick);
  EXPECT_TRUE(second.join(deadline::past())) << "it has the place of the first";
}

TEST(RateLimiter, a_stopped_fiber_still_gets_what_is_there) {
  sim world{1};
  token_bucket b{{.count = 100, .per = 1s}, 1};
  auto t = world.rt().spawn([&] {
    EXPECT_TRUE(b.acquire());
    return b.acquire();
  });
  (void)t.request_stop();
  EXPECT_EQ(t.join().error(), errc::canceled);
}

TEST(LeakyBucket, turns_away_who_does_not_fit) {
  sim world{1};
  leaky_bucket b{{.count = 100, .per = 1s}, 2};
  int in = 0, away = 0;
  for (int i = 0; i < 5; ++i)
    world.spawn([&] {
      const result<void> r = b.acquire();
      if (r) ++in;
      else if (r.error() == errc::limit) ++away;
    });
  world.advance(0ms);
  EXPECT_EQ(in, 1);
  EXPECT_EQ(away, 2);
  world.run();
  EXPECT_EQ(in, 3);
}

// --- every interleaving

/// What each limiter promises of the times at which it has admitted: so many in no time, and so many more in
/// each whole millisecond.
struct promise_of {
  std::int64_t at_once;
  std::int64_t each;
};

template <class Limiter>
void come_in_every_way(sim& world, Limiter& limiter, promise_of promised) {
  std::vector<std::int64_t> admitted;
  const deadline soon = world.in(2ms);
  const auto comes = [&] {
    for (int i = 0; i < 2; ++i) {
      result<void> r;
      switch (world.random(4)) {
        case 0: r = limiter.acquire(); break;
        case 1: r = limiter.acquire(1, soon); break;
        case 2: r = limiter.acquire(1, deadline::past()); break;
        default: r = limiter.try_acquire() ? result<void>{} : std::unexpected(errc::would_block);
      }
      if (r) admitted.push_back(world.now().time_since_epoch().count());
      else if (r.error() == errc::canceled) return;
    }
  };
  world.spawn(comes);
  world.spawn(comes);
  world.thread(comes);
  auto stopped = world.rt().spawn([&] { comes(), comes(); });
  world.thread([&] {
    comes();
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  world.check(limiter.waiting() == 0, "somebody is still in line");
  for (std::size_t i = 0; i < admitted.size(); ++i)
    for (std::size_t k = i; k < admitted.size(); ++k)
      world.check(static_cast<std::int64_t>(k - i + 1) <=
                      promised.at_once + promised.each * ((admitted[k] - admitted[i]) / 1'000'000),
                  "more were admitted than the rate allows");
  bool room = false;
  for (int i = 0; i < 100 && !room; ++i) {
    world.advance(1ms);
    room = limiter.try_acquire();
  }
  world.check(room, "nobody waits, and nobody is admitted");
}

void come_in_to_any(sim& world) {
  switch (world.random(3)) {
    case 0: {
      token_bucket b{{.count = 1, .per = 1ms}, 2};
      return come_in_every_way(world, b, {.at_once = 2, .each = 1});
    }
    case 1: {
      leaky_bucket b{{.count = 1, .per = 1ms}, 2};
      return come_in_every_way(world, b, {.at_once = 1, .each = 1});
    }
    default: {
      sliding_window w{{.count = 2, .per = 1ms}};
      return come_in_every_way(world, w, {.at_once = 2, .each = 2});
    }
  }
}

TEST(RateLimiter, admits_no_more_than_it_promises_in_every_interleaving) {
  explore(seeds, come_in_to_any, {.workers = 2});
}

// Who comes in last destroys the limiter, while another may still be on his way out of it.
void come_in_and_destroy(sim& world) {
  auto b = std::make_unique<sliding_window>(rate{.count = 1, .per = 1ms});
  int inside = 0;
  for (int i = 0; i < 2; ++i) {
    const auto comes = [&, at = b.get()] {
      world.check(at->acquire().has_value(), "an error");
      if (++inside == 2) b.reset();
    };
    if (world.random(2) == 0) world.spawn(comes);
    else world.thread(comes);
  }
  world.run();
}

TEST(RateLimiter, may_be_destroyed_when_all_are_through) {
  explore(seeds, come_in_and_destroy, {.workers = 2});
}

TEST(RateLimiter, every_operation_is_needed) {
  const auto any = [](sim& world) {
    if (world.random(4) == 0) come_in_and_destroy(world);
    else come_in_to_any(world);
  };
  expect_lock_mutations_found(seeds, any);
}

}  // namespace
}  // namespace weft

// retry() and backoff in simulated worlds, where a wait of hours is over at once.
#include <chrono>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/retry.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr retry_policy even{.attempts_max = 4, .delay = 10ms, .delay_max = 1s, .jitter = 0};

/// Fails so often, then succeeds.
struct unreliable {
  int failures;
  std::error_code with = make_error_code(std::errc::connection_refused);
  int calls = 0;

  result<int> operator()() {
    if (++calls > failures) return calls;
    return std::unexpected(with);
  }
};

TEST(Backoff, grows_by_its_factor_up_to_its_maximum) {
  backoff b{{.delay = 10ms, .delay_max = 100ms, .factor = 3, .jitter = 0}};
  EXPECT_EQ(b.next(), 10ms);
  EXPECT_EQ(b.next(), 30ms);
  EXPECT_EQ(b.next(), 90ms);
  EXPECT_EQ(b.next(), 100ms);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(b.next(), 100ms);
}

TEST(Backoff, the_same_seed_gives_the_same_waits) {
  const auto waits = [](std::uint64_t seed) {
    backoff b{{.delay = 1s, .delay_max = 1h, .seed = seed}};
    std::vector<nanoseconds> all;
    for (int i = 0; i < 10; ++i) all.push_back(b.next());
    return all;
  };
  EXPECT_EQ(waits(7), waits(7));
  EXPECT_NE(waits(7), waits(8));
  sim world{1};
  const auto unseeded = waits(0);
  world.advance(1ms);
  EXPECT_NE(waits(0), unseeded) << "without a seed each has its own";
}

TEST(Backoff, jitter_takes_its_part_away_evenly) {
  backoff b{{.delay = 1s, .delay_max = 1s, .jitter = 0.5, .seed = 2}};
  nanoseconds least = 1h, most{}, sum{};
  constexpr int n = 10'000;
  for (int i = 0; i < n; ++i) {
    const nanoseconds d = b.next();
    least = std::min(least, d);
    most = std::max(most, d);
    sum += d;
  }
  EXPECT_GE(least, 500ms);
  EXPECT_LE(least, 510ms);
  EXPECT_LE(most, 1s);
  EXPECT_GE(most, 990ms);
  EXPECT_NEAR(static_cast<double>((sum / n).count()), 750e6, 5e6);
}

TEST(RetryDeathTest, misuse_is_an_assertion) {
  EXPECT_DEATH((backoff{{.delay = 2s, .delay_max = 1s}}), "0 <= delay <= delay_max");
  EXPECT_DEATH((backoff{{.factor = 0.5}}), "waits shrink");
  EXPECT_DEATH((backoff{{.jitter = 1.5}}), "0 to 1");
  EXPECT_DEATH((void)retry({.attempts_max = 0}, [] { return result<void>{}; }), "without attempts");
}

TEST(Retry, calls_again_until_it_succeeds) {
  sim world{1};
  for (const bool fiber : {true, false}) {
    const auto f = [&] {
      unreliable service{3};
      const auto begin = world.now();
      EXPECT_EQ(retry(even, service).value(), 4);
      EXPECT_GE(world.now() - begin, 70ms);  // 10 + 20 + 40
      EXPECT_LT(world.now() - begin, 71ms);
      unreliable good{0};
      const auto later = world.now();
      EXPECT_EQ(retry(even, good).value(), 1);
      EXPECT_EQ(world.now(), later);
    };
    if (fiber) world.spawn(f);
    else world.thread(f);
    world.run();
  }
}

TEST(Retry, gives_the_last_error_when_its_attempts_are_used_up) {
  sim world{1};
  world.spawn([&] {
    unreliable service{100};
    const auto begin = world.now();
    EXPECT_EQ(retry(even, service).error(), std::errc::connection_refused);
    EXPECT_EQ(service.calls, 4);
    EXPECT_LT(world.now() - begin, 71ms) << "no wait after the last";
    unreliable once{100};
    EXPECT_FALSE(retry({.attempts_max = 1}, once));
    EXPECT_EQ(once.calls, 1);
  });
  world.run();
}

TEST(Retry, asks_the_policy_which_errors_are_worth_it) {
  sim world{1};
  world.spawn([] {
    retry_policy policy = even;
    policy.retryable = [](const std::error_code& e) { return e == std::errc::timed_out; };
    unreliable refuses{100}, slow{100, make_error_code(std::errc::timed_out)};
    EXPECT_FALSE(retry(policy, refuses));
    EXPECT_FALSE(retry(policy, slow));
    EXPECT_EQ(refuses.calls, 1);
    EXPECT_EQ(slow.calls, 4);
    unreliable canceled{100, make_error_code(errc::canceled)};
    EXPECT_EQ(retry(even, canceled).error(), errc::canceled);
    EXPECT_EQ(canceled.calls, 1);
  });
  world.run();
}

TEST(Retry, passes_exceptions_on) {
  sim world{1};
  int calls = 0;
  EXPECT_THROW((void)retry(even, [&]() -> result<void> { ++calls, throw std::runtime_error{"no"}; }),
               std::runtime_error);
  EXPECT_EQ(calls, 1);
}

TEST(Retry, does_not_wait_for_what_would_come_too_late) {
  sim world{1};
  world.spawn([&] {
    unreliable first{100}, second{100}, third{100};
    const auto begin = world.now();
    EXPECT_EQ(retry(even, first, world.in(35ms)).error(), std::errc::connection_refused);
    EXPECT_EQ(first.calls, 3);  // at 0, 10 and 30 ms; 70 is too late
    EXPECT_LT(world.now() - begin, 31ms);
    with_deadline(15ms, [&] { EXPECT_EQ(retry(even, second).error(), std::errc::connection_refused); });
    EXPECT_EQ(second.calls, 2);
    EXPECT_FALSE(retry(even, third, deadline::past()));
    EXPECT_EQ(third.calls, 1) << "once in any case";
  });
  world.run();
}

TEST(Retry, a_stop_ends_the_wait) {
  sim world{1};
  unreliable service{100};
  auto t = world.rt().spawn([&] { return retry(even, service); });
  world.advance(5ms);
  (void)t.request_stop();
  EXPECT_EQ(t.join().error(), errc::canceled);
  EXPECT_EQ(service.calls, 1);
}

// However stop, deadline and success meet: one answer, and it fits what f did.
void meet(sim& world) {
  unreliable service{static_cast<int>(world.random(4))};
  const retry_policy policy{.attempts_max = 3, .delay = 1ms, .seed = world.seed() + 1};
  const deadline until = world.random(2) == 0 ? world.in(2ms) : deadline::never();
  result<int> got = 0;
  auto t = world.rt().spawn([&] { got = retry(policy, service, until); });
  world.thread([&] {
    if (world.random(2) == 0) (void)retry({.attempts_max = 2, .delay = 1ms, .jitter = 0}, unreliable{2});
    (void)t.request_stop();
    t.join();
  });
  world.run();
  if (got) world.check(*got == service.calls && service.calls == service.failures + 1, "another answer");
  else world.check(got.error() == errc::canceled || service.calls <= service.failures, "a success was lost");
  world.check(service.calls <= 3, "too many calls");
}

TEST(Retry, answers_once_in_every_interleaving) { explore(10'000, meet); }

}  // namespace
}  // namespace weft

// deadline: what converts to it, and to what.
#include <weft/runtime/base/deadline.hpp>

#include <limits>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using weft::deadline;
using weft::detail::steady_ns;

constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

static_assert(std::is_convertible_v<std::chrono::seconds, deadline>);
static_assert(std::is_convertible_v<duration<double>, deadline>);
static_assert(std::is_convertible_v<steady_clock::time_point, deadline>);
static_assert(!std::is_constructible_v<deadline, system_clock::time_point>, "the wall clock may step");
static_assert(!std::is_constructible_v<deadline, int>, "an int has no unit");
static_assert(!std::is_constructible_v<deadline, std::int64_t>);
static_assert(!std::is_constructible_v<deadline, double>);
static_assert(deadline{} == deadline::never() && deadline{}.is_never());
static_assert(deadline::past() < deadline::never());

/// Whether `d` is `in` nanoseconds after its construction, which lay between `before` and now.
testing::AssertionResult lies(deadline d, std::int64_t before, std::int64_t in) {
  const std::int64_t after = steady_ns();
  if (d.at >= before + in && d.at <= after + in) return testing::AssertionSuccess();
  return testing::AssertionFailure() << d.at - before << " ns after it was made, not " << in;
}

TEST(Deadline, counts_a_duration_from_its_construction) {
  const std::int64_t now = steady_ns();
  EXPECT_TRUE(lies(1ns, now, 1));
  EXPECT_TRUE(lies(5ms, now, 5'000'000));
  EXPECT_TRUE(lies(2h, now, 7'200'000'000'000));
  EXPECT_TRUE(lies(std::chrono::years{200}, now, std::chrono::nanoseconds{std::chrono::years{200}}.count()));
}

TEST(Deadline, keeps_a_steady_point) {
  const auto point = steady_clock::time_point{123456789ns};
  EXPECT_EQ(deadline{point}.at, 123456789);
  const deadline from_now = steady_clock::now() + 1h;
  EXPECT_GT(from_now.remaining(), 59min);
  EXPECT_LE(from_now.remaining(), 1h);
}

TEST(Deadline, zero_and_less_is_past) {
  for (const deadline d : {deadline{0ns}, deadline{-1ns}, deadline{std::chrono::hours::min()},
                           deadline{duration<double>{-0.0}}, deadline{duration<double>{-1e300}}}) {
    EXPECT_TRUE(d.is_past());
    EXPECT_TRUE(d.expired());
    EXPECT_EQ(d.remaining(), 0ns);
  }
}

TEST(Deadline, too_far_to_count_is_never) {
  for (const deadline d : {deadline{std::chrono::hours::max()}, deadline{std::chrono::nanoseconds::max()},
                           deadline{std::chrono::years{1000}}, deadline{duration<double>{1e300}},
                           deadline{duration<double>{std::numeric_limits<double>::infinity()}}}) {
    EXPECT_TRUE(d.is_never());
    EXPECT_FALSE(d.expired());
    EXPECT_EQ(d.remaining(), std::chrono::nanoseconds::max());
  }
}

TEST(Deadline, not_a_number_does_not_wait) {
  EXPECT_TRUE(deadline{duration<double>{std::numeric_limits<double>::quiet_NaN()}}.is_past());
}

TEST(Deadline, fractions_round_up) {
  const std::int64_t now = steady_ns();
  EXPECT_GE(deadline{duration<double>{0.25}}.at, now + 250'000'000);
  EXPECT_GT((deadline{duration<double, std::nano>{0.001}}.at), now);  // more than zero is not past
  EXPECT_GT((deadline{duration<int, std::pico>{1}}.at), now);
  const deadline quarter = duration<double>{0.25};
  EXPECT_LE(quarter.at, steady_ns() + 250'000'001);
}

TEST(Deadline, a_steady_point_at_either_end_of_time_counts_as_such) {
  EXPECT_TRUE(deadline{steady_clock::time_point::max()}.is_never());
  EXPECT_TRUE(deadline{steady_clock::time_point::min()}.expired());
  EXPECT_TRUE(deadline{steady_clock::time_point{}}.expired());
}

TEST(Deadline, remaining_does_not_overflow) {
  deadline d;
  d.at = highest - 1;
  EXPECT_GT(d.remaining(), 24h * 365 * 100);
  d.at = std::numeric_limits<std::int64_t>::min() + 1;
  EXPECT_EQ(d.remaining(), 0ns);
}

TEST(Deadline, orders_by_time) {
  EXPECT_LT(deadline{1s}, deadline{1h});
  EXPECT_LT(deadline{1h}, deadline::never());
  EXPECT_LT(deadline::past(), deadline{steady_clock::time_point{}});
}

}  // namespace

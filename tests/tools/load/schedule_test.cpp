// When requests are due, and what that does to the latencies of a server that stalls. All times are made up.
#include "load/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "load/tally.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t us = 1'000, ms = 1'000'000, second = 1'000'000'000;

TEST(Schedule, a_request_is_due_at_its_time_and_not_before) {
  for (const double rate : {0.3, 1.0, 3.0, 7000.0, 999'983.0, 1e7}) {
    const schedule s{5 * second, 1e9 / rate};
    EXPECT_EQ(s.due_by(0), 0u);
    EXPECT_EQ(s.due_by(s.at(0) - 1), 0u);
    for (std::uint64_t n = 0; n < 100'000'000; n = n * 3 + 1) {
      ASSERT_EQ(s.due_by(s.at(n)), n + 1) << rate;
      ASSERT_EQ(s.due_by(s.at(n) - 1), n) << rate;
    }
  }
}

TEST(Schedule, the_rate_holds_for_as_long_as_one_likes) {
  constexpr std::int64_t day = 86'400 * second;
  for (const double rate : {3.0, 7000.0, 999'983.0})
    EXPECT_EQ(schedule(0, 1e9 / rate).due_by(day - 1), static_cast<std::uint64_t>(86'400 * rate)) << rate;
}

// A server that takes half a millisecond, but answers nothing between the first second and the second one.
std::int64_t answered_at(std::int64_t sent) {
  const std::int64_t done = sent + 500 * us;
  return done > 1 * second && done < 2 * second ? 2 * second : done;
}

// What one connection to it measures in four seconds; `when` null: in a closed loop.
weft::histogram measured(const schedule* when) {
  tally counted;
  counted.measure(0, 4 * second);
  std::int64_t free = 0;  // when the last answer came
  for (std::uint64_t n = 0; free < 4 * second; ++n) {
    const std::int64_t due = when != nullptr ? when->at(n) : free;
    free = answered_at(std::max(due, free));
    counted.answered(free, free - due, 1);
  }
  totals all;
  counted.add_to(all);
  return all.latency;
}

TEST(Schedule, a_stall_is_charged_to_all_that_was_due_meanwhile) {
  const schedule thousand_per_second{0, 1e9 / 1000};
  const weft::histogram open = measured(&thousand_per_second);
  EXPECT_EQ(open.count(), 4000u);
  // A thousand were due in the stall, and 999 more until it was made up for: half of all.
  EXPECT_EQ(open.count() - open.count_up_to(600us), 1999u);
  EXPECT_GT(open.percentile(0.75), 450ms);
  EXPECT_GT(open.percentile(0.99), 950ms);
}

TEST(Schedule, a_closed_loop_sees_one_slow_request_where_users_would_see_thousands) {
  const weft::histogram closed = measured(nullptr);
  EXPECT_EQ(closed.count() - closed.count_up_to(1ms), 1u);
  EXPECT_LT(closed.percentile(0.999), 1ms);
  EXPECT_GT(closed.max(), 990ms);
}

TEST(Waits, who_still_waits_counts_if_longer_than_any_answer_took) {
  weft::histogram latency;
  latency.record(10ms, 90);
  waits left;
  left.add(20 * ms, 7);
  left.add(30 * ms, 3);
  left.add(1 * ms, 50);  // may still be as fast as the others
  EXPECT_EQ(left.count(), 60u);
  EXPECT_EQ(left.record_longest_in(latency), 10u);
  EXPECT_EQ(latency.count(), 100u);
  EXPECT_EQ(latency.count_up_to(11ms), 90u);
  EXPECT_EQ(latency.max(), 30ms);
}

TEST(Waits, alone_they_are_no_latencies) {
  weft::histogram latency;
  waits left;
  left.add(20 * ms, 7);
  EXPECT_EQ(left.record_longest_in(latency), 0u);
  EXPECT_EQ(latency.count(), 0u);
}

TEST(Tally, only_what_comes_in_the_measured_time_counts) {
  tally counted;
  counted.answered(1, 1, 1);  // before anything is measured
  counted.measure(100, 200);
  for (const std::int64_t at : {99, 100, 200, 201}) counted.answered(at, 50, 10);
  counted.timed_out(99, 80, 5);
  counted.timed_out(150, 80, 5);
  counted.failed(failure::timeout, {}, 10);
  counted.unanswered(250, 120, 4);
  counted.unanswered(250, 201, 4);  // due when all was over
  totals all;
  counted.add_to(all);
  EXPECT_EQ(all.requests, 2u);
  EXPECT_EQ(all.bytes, 20u);
  EXPECT_EQ(all.latency.count(), 7u);  // a request that was given up took at least that long
  EXPECT_EQ(all.unanswered.count(), 4u);
  EXPECT_EQ(all.failed(), 10u);  // failures count whenever they come
}

}  // namespace

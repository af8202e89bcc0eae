// Counts in log-linear buckets against the exact percentiles of the same numbers.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weft/runtime/metrics/counter.hpp>
#include <weft/runtime/metrics/histogram.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::histogram_recorder;
using detail::log_linear;
using std::chrono::nanoseconds;

TEST(LogLinear, buckets_adjoin_and_are_at_most_a_thirty_second_wide) {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < log_linear::buckets; ++i) {
    const std::int64_t last = log_linear::last_of(i);
    ASSERT_GE(last, first);
    ASSERT_EQ(log_linear::bucket_of(first), i);
    ASSERT_EQ(log_linear::bucket_of(last), i);
    ASSERT_LE((last - first) * 32, first);
    first = last + 1;
  }
  EXPECT_EQ(first, log_linear::value_max + 1);
}

TEST(LogLinear, what_is_out_of_range_counts_at_the_edge) {
  EXPECT_EQ(log_linear::bucket_of(-1), 0u);
  EXPECT_EQ(log_linear::bucket_of(std::numeric_limits<std::int64_t>::min()), 0u);
  EXPECT_EQ(log_linear::bucket_of(std::numeric_limits<std::int64_t>::max()), log_linear::buckets - 1);
}

nanoseconds exact_percentile(const std::vector<std::int64_t>& sorted, double fraction) {
  const auto rank = std::max(std::ceil(fraction * static_cast<double>(sorted.size())), 1.0);
  return nanoseconds{sorted[static_cast<std::size_t>(rank) - 1]};
}

// Never too short, and at most a thirty-second too long.
void expect_percentiles(const histogram& h, std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  ASSERT_EQ(h.count(), values.size());
  for (const double fraction : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const nanoseconds exact = exact_percentile(values, fraction), found = h.percentile(fraction);
    EXPECT_GE(found, exact) << fraction;
    EXPECT_LE(found - exact, exact / 32) << fraction;
  }
  EXPECT_EQ(h.percentile(1).count(), values.back());
  EXPECT_EQ(h.max().count(), values.back());
}

TEST(Histogram, percentiles_are_close_to_the_exact_ones_however_the_numbers_lie) {
  std::mt19937_64 random{7};
  std::lognormal_distribution<double> long_tail{10, 3};
  std::uniform_int_distribution<std::int64_t> flat{0, 5'000'000};
  const auto from_tail = [&] { return static_cast<std::int64_t>(std::min(long_tail(random), 1e12)); };
  for (int shape = 0; shape < 4; ++shape) {
    std::vector<std::int64_t> values(10'000);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = shape == 0   ? from_tail()
                  : shape == 1 ? flat(random)
                  : shape == 2 ? static_cast<std::int64_t>(i % 3)
                               : std::int64_t{1} << i % 40;
    histogram_recorder recorder;
    histogram direct;
    std::int64_t sum = 0;
    for (const std::int64_t v : values) {
      recorder.record(v);
      direct.record(nanoseconds{v});
      sum += v;
    }
    histogram merged;
    recorder.add_to(merged);
    for (const histogram* const h : {&merged, &direct}) {
      SCOPED_TRACE(shape);
      expect_percentiles(*h, values);
      EXPECT_EQ(h->sum().count(), sum);
      EXPECT_EQ(h->mean().count(), sum / 10'000);
    }
  }
}

TEST(Histogram, without_counts_is_all_zero) {
  const histogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.percentile(0.99), 0ns);
  EXPECT_EQ(none.mean(), 0ns);
  EXPECT_EQ(none.count_up_to(1h), 0u);
}

TEST(Histogram, merged_ones_count_as_one) {
  histogram a, b, both;
  for (int i = 1; i <= 1000; ++i) {
    (i % 2 != 0 ? a : b).record(nanoseconds{i * 977});
    both.record(nanoseconds{i * 977});
  }
  b.record(1min, 3);
  both.record(1min, 3);
  a.merge(b);
  EXPECT_EQ(a.count(), 1003u);
  EXPECT_EQ(a.sum(), both.sum());
  EXPECT_EQ(a.max(), 1min);
  for (const double fraction : {0.1, 0.5, 0.9, 0.998})
    EXPECT_EQ(a.percentile(fraction), both.percentile(fraction));
}

TEST(Histogram, counts_up_to_a_limit_and_never_what_is_longer) {
  histogram h;
  for (int i = 1; i <= 10'000; ++i) h.record(nanoseconds{i});
  for (const int limit : {0, 1, 63, 64, 100, 5000, 9999, 10'000, 20'000}) {
    const std::uint64_t found = h.count_up_to(nanoseconds{limit}),
                        exact = static_cast<std::uint64_t>(std::min(limit, 10'000));
    EXPECT_LE(found, exact);
    EXPECT_GE(found + exact / 32 + 1, exact);
  }
  EXPECT_EQ(h.count_up_to(10us), 10'000u);
}

TEST(Histogram, what_takes_longer_than_the_last_bucket_keeps_its_sum_and_maximum) {
  histogram h;
  h.record(1h);
  EXPECT_EQ(h.max(), 1h);
  EXPECT_EQ(h.sum(), 1h);
  EXPECT_GE(h.percentile(0.5), 18min);
}

// ThreadSanitizer's part: no race. What is seen only grows.
TEST(HistogramRecorder, may_be_read_while_its_owner_records) {
  constexpr int total = 200'000;
  histogram_recorder recorder;
  std::thread owner{[&] {
    for (int i = 0; i < total; ++i) recorder.record(i);
  }};
  std::uint64_t before = 0;
  while (before < total) {
    histogram now;
    recorder.add_to(now);
    ASSERT_GE(now.count(), before);
    before = now.count();
  }
  owner.join();
  histogram end;
  recorder.add_to(end);
  EXPECT_EQ(end.count(), std::uint64_t{total});
  EXPECT_EQ(end.sum().count(), std::int64_t{total} * (total - 1) / 2);
}

TEST(SizeCounts, count_by_powers_of_two) {
  detail::size_counts<4> sizes;
  for (std::uint64_t size = 0; size <= 20; ++size) sizes.record(size);
  std::array<std::uint64_t, 4> counts{};
  sizes.add_to(counts);
  EXPECT_EQ(counts, (std::array<std::uint64_t, 4>{2, 1, 2, 16}));  // 0 1, 2, 3 4, 5 ...
}

TEST(Counter, copies_what_it_was) {
  detail::counter c;
  c += 5;
  ++c;
  const detail::counter then = c;
  --c;
  c -= 2;
  EXPECT_EQ(std::uint64_t{then}, 6u);
  EXPECT_EQ(std::uint64_t{c}, 3u);
}

}  // namespace
}  // namespace weft

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include <weft/net/connection_balance.hpp>

using weft::detail::choose_worker;
using weft::detail::connection_slack;

namespace {

using counts = std::vector<unsigned>;

unsigned choose(unsigned self, const counts& all) {
  return choose_worker(self, static_cast<unsigned>(all.size()), [&](unsigned w) { return all[w]; });
}

}  // namespace

TEST(ConnectionBalance, a_worker_keeps_its_own_up_to_the_slack) {
  for (unsigned n = 0; n <= connection_slack; ++n) EXPECT_EQ(choose(2, {0, 0, n, 0}), 2u);
}

TEST(ConnectionBalance, who_accepts_for_all_keeps_hardly_more_than_its_share) {
  const auto choose_alone = [](unsigned self, const counts& all) {
    return choose_worker(
        self, static_cast<unsigned>(all.size()), [&](unsigned w) { return all[w]; },
        weft::detail::connection_slack_alone);
  };
  EXPECT_EQ(choose_alone(0, {1, 0, 0, 0}), 0u);
  EXPECT_EQ(choose_alone(0, {2, 0, 0, 0}), 1u);
  EXPECT_EQ(choose_alone(0, {2, 1, 1, 0}), 0u);  // exactly 1 above
  EXPECT_EQ(choose_alone(0, {3, 1, 1, 0}), 3u);
}

TEST(ConnectionBalance, who_is_more_than_the_slack_above_the_mean_passes_on_to_the_fewest) {
  EXPECT_EQ(choose(0, {16, 4, 4}), 0u);  // exactly 8 above
  EXPECT_EQ(choose(0, {18, 4, 2}), 2u);  // 10 above
  EXPECT_EQ(choose(1, {18, 4, 2}), 1u);
}

TEST(ConnectionBalance, one_worker_keeps_all) { EXPECT_EQ(choose(0, {1000}), 0u); }

TEST(ConnectionBalance, who_has_the_fewest_keeps_its_own_whatever_the_others_have) {
  EXPECT_EQ(choose(1, {100, 20, 100}), 1u);
}

// Whoever accepts, however unevenly: nobody is left more than the slack above the mean.
TEST(ConnectionBalance, stays_near_the_mean_when_one_worker_accepts_all) {
  for (const unsigned workers : {2u, 3u, 8u, 64u}) {
    counts all(workers);
    for (unsigned i = 0; i < workers * 100; ++i) ++all[choose(0, all)];
    for (unsigned w = 0; w < workers; ++w) {
      EXPECT_LE(all[w], 100 + connection_slack + 1) << workers;
      EXPECT_GE(all[w], 100 - connection_slack - 1) << workers;
    }
  }
}

// An arrival never makes the most loaded worker, if it is above the slack, more loaded than it was.
TEST(ConnectionBalance, imbalance_never_grows_beyond_the_slack) {
  std::mt19937 random{3};
  counts all(5);
  for (int i = 0; i < 20'000; ++i) {
    const auto at = static_cast<unsigned>(random() % 5);
    if (random() % 5 < 3) {
      const unsigned chosen = choose(at * at % 5, all);
      ++all[chosen];
      const unsigned sum = std::accumulate(all.begin(), all.end(), 0u);
      ASSERT_LE(all[chosen] * 5, sum + 5 * (connection_slack + 1));
    } else if (all[at] > 0) {
      --all[at];
    }
  }
}

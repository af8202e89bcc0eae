// token_bucket on real threads: the memory orders of the line, under ThreadSanitizer.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/token_bucket.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using weft_test::scaled;

// Fibers and threads wait, give up and try; no more come through than the bucket gives, and it dies as soon
// as the last of them is through.
TEST(TokenBucketStress, admits_fibers_and_threads_at_its_rate_and_dies) {
  constexpr std::size_t burst = 4;
  constexpr rate fills{1, 2us};
  constexpr int users = 8;
  const int each = scaled(1000);
  runtime rt{{.workers = 3}};
  std::atomic<long> admitted{0};  // std::atomic, because the test counts, not weft
  std::atomic<int> refused{0}, left{users};
  std::optional<token_bucket> bucket;
  const auto begin = steady::now();
  bucket.emplace(fills, burst);
  const auto uses = [&](int who) {
    for (int i = 0; i < each; ++i) {
      const std::size_t n = 1 + static_cast<std::size_t>(i % 2);
      bool got = true;
      switch ((i + who) % 4) {
        case 0: got = bucket->try_acquire(n); break;
        case 1: got = bucket->acquire(n, 10us).has_value(); break;
        default: ASSERT_TRUE(bucket->acquire(n));
      }
      if (got) admitted += static_cast<long>(n);
      else ++refused;
    }
    if (--left == 0) bucket.reset();
  };
  std::vector<std::jthread> threads;
  std::vector<task<void>> fibers;
  for (int who = 0; who < users; ++who) {
    if (who % 2 == 0) threads.emplace_back(uses, who);
    else fibers.push_back(rt.spawn([&, who] { uses(who); }));
  }
  for (task<void>& f : fibers) f.join();
  threads.clear();
  const std::chrono::duration<double> took = steady::now() - begin;
  EXPECT_FALSE(bucket.has_value());
  EXPECT_LE(static_cast<double>(admitted), static_cast<double>(burst) + took / fills.per + 1);
  EXPECT_GE(admitted, users * each / 2) << "who waits for ever is let in";
  EXPECT_LE(refused, users * each / 2);
}

}  // namespace
}  // namespace weft

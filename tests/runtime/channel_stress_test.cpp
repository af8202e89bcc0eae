// Channels on real threads: what the simulator cannot judge, the memory orders and the lock, under
// ThreadSanitizer.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::scaled;

// Senders and receivers on four workers and four threads; the sum shows that each value came once.
void exchange(std::size_t capacity) {
  constexpr int senders = 8, receivers = 8;
  const int each = scaled(20'000);
  runtime rt{{.workers = 4}};
  channel<std::unique_ptr<long>> c{capacity};
  std::atomic<int> sending{senders};  // std::atomic, because the test counts, not weft
  std::atomic<long> sum{0}, received{0};
  const auto sends = [&](bool timed) {
    for (long i = 1; i <= each; ++i) {
      auto value = std::make_unique<long>(i);
      if (!timed) {
        ASSERT_TRUE(c.send(std::move(value)));
      } else {
        while (!c.send(std::move(value), 20us)) ASSERT_NE(value, nullptr);
      }
    }
    if (--sending == 0) c.close();
  };
  const auto receives = [&](bool timed) {
    for (;;) {
      auto r = timed ? c.recv(20us) : c.recv();
      if (!r && r.error() == errc::closed) return;
      if (!r) continue;
      sum += **r;
      ++received;
    }
  };
  weft_test::run_both_ways(rt, senders, receivers, /*period=*/4, sends, receives);
  EXPECT_EQ(received, static_cast<long>(senders) * each);
  EXPECT_EQ(sum, static_cast<long>(senders) * each * (each + 1) / 2);
}

TEST(ChannelStress, unbuffered) { exchange(0); }
TEST(ChannelStress, of_capacity_1) { exchange(1); }
TEST(ChannelStress, of_capacity_64) { exchange(64); }

// A channel that dies as soon as its only value has come.
TEST(ChannelStress, hands_memory_over_and_dies) {
  runtime rt{{.workers = 2}};
  rt.block_on([&] {
    for (int i = 0; i < scaled(5000); ++i) {
      auto c = std::make_unique<channel<int>>(1);
      int data = 0;
      spawn(
          [&, to = c.get()] {
            data = i;
            (void)to->send(int{i});
          },
          {.worker = 1})
          .detach();
      ASSERT_EQ(c->recv(), i);
      c.reset();
      ASSERT_EQ(data, i);
    }
  });
}

}  // namespace
}  // namespace weft

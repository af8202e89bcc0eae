// unbounded_channel, oneshot, watch and broadcast on real threads: the memory orders, under ThreadSanitizer.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/broadcast.hpp>
#include <weft/runtime/oneshot.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/unbounded_channel.hpp>
#include <weft/runtime/watch.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::scaled;

TEST(UnboundedChannelStress, every_value_comes_once) {
  constexpr int senders = 4, receivers = 4;
  const int each = scaled(20'000);
  runtime rt{{.workers = 3}};
  unbounded_channel<std::unique_ptr<long>> c;
  std::atomic<int> sending{senders};  // std::atomic, because the test counts, not weft
  std::atomic<long> sum{0};
  const auto sends = [&] {
    for (long i = 1; i <= each; ++i) ASSERT_TRUE(c.send(std::make_unique<long>(i)));
    if (--sending == 0) c.close();
  };
  const auto receives = [&](bool by_select) {
    for (bool open = true; open;) {
      const auto take = [&](result<std::unique_ptr<long>> v) {
        if (v) sum += **v;
        else open = v.error() != errc::closed;
      };
      if (by_select) ASSERT_TRUE(select(on_recv(c, take), on_timeout(20us, [] {})));
      else take(c.recv());
    }
  };
  std::vector<std::jthread> threads;
  std::vector<task<void>> fibers;
  for (int i = 0; i < senders; ++i) {
    if (i % 2 == 0) threads.emplace_back(sends);
    else fibers.push_back(rt.spawn(sends));
  }
  for (int i = 0; i < receivers; ++i) {
    if (i % 2 == 0) threads.emplace_back([&, i] { receives(i == 0); });
    else fibers.push_back(rt.spawn([&, i] { receives(i == 1); }));
  }
  for (auto& f : fibers) f.join();
  threads.clear();
  EXPECT_EQ(sum, static_cast<long>(senders) * each * (each + 1) / 2);
}

TEST(OneshotStress, hands_memory_over_and_dies) {
  runtime rt{{.workers = 2}};
  const auto rounds = [&rt] {
    for (int i = 0; i < scaled(5000); ++i) {
      auto o = std::make_unique<oneshot<int>>();
      int data = 0;
      rt.spawn([&, to = o.get()] {
          data = i;
          (void)to->send(int{i});
        }).detach();
      ASSERT_EQ(o->recv(), i);
      o.reset();
      ASSERT_EQ(data, i);
    }
  };
  rt.block_on(rounds);
  rounds();
}

// Strings, so that a torn copy would be seen.
TEST(FeedStress, receivers_on_fibers_and_threads_follow) {
  const int last = scaled(20'000);
  const auto text_of = [](int n) {
    return std::string(40, static_cast<char>('a' + n % 26)) + std::to_string(n);
  };
  runtime rt{{.workers = 3}};
  watch<std::string> w{text_of(0)};
  broadcast<std::string> b{64};
  const auto number_of = [&](const std::string& text) {
    const int n = std::stoi(text.substr(40));
    EXPECT_EQ(text, text_of(n));
    return n;
  };
  std::vector<std::jthread> threads;
  std::vector<task<void>> fibers;
  for (int i = 0; i < 4; ++i) {
    auto follows = [&, of_watch = w.subscribe(), of_broadcast = b.subscribe()]() mutable {
      int seen = -1, next = 1;
      bool watching = true, hearing = true;
      while (watching || hearing)
        ASSERT_TRUE(select(when(watching, on_recv(of_watch,
                                                  [&](result<std::string> v) {
                                                    watching = v.has_value();
                                                    if (!v) return;
                                                    const int n = number_of(*v);
                                                    EXPECT_GT(n, seen);
                                                    seen = n;
                                                  })),
                           when(hearing, on_recv(of_broadcast, [&](result<std::string> v) {
                                  if (v) {
                                    EXPECT_EQ(number_of(*v), next++);
                                  } else if (v.error() == errc::limit) {
                                    next += static_cast<int>(of_broadcast.missed());
                                  } else {
                                    hearing = false;
                                  }
                                }))));
      EXPECT_EQ(seen, last);
      EXPECT_EQ(next, last + 1);
    };
    if (i % 2 == 0) threads.emplace_back(std::move(follows));
    else fibers.push_back(rt.spawn(std::move(follows)));
  }
  rt.block_on([&] {
    for (int n = 1; n <= last; ++n) {
      ASSERT_TRUE(w.set(text_of(n)));
      ASSERT_TRUE(b.send(text_of(n)));
    }
  });
  w.close();
  b.close();
  for (auto& f : fibers) f.join();
}

}  // namespace
}  // namespace weft

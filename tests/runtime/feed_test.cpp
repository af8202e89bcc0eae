// watch and broadcast in simulated worlds.
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/broadcast.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/watch.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

// --- watch

TEST(Watch, a_receiver_sees_the_value_as_it_is_and_then_each_newer_one_once) {
  watch<std::string> w{"first"};
  auto r = w.subscribe();
  EXPECT_EQ(r.recv(), "first");
  EXPECT_EQ(r.try_recv().error(), errc::would_block);
  EXPECT_TRUE(w.set("second"));
  EXPECT_TRUE(w.set("third"));
  EXPECT_EQ(r.recv(), "third");  // what was between is skipped
  EXPECT_EQ(r.try_recv().error(), errc::would_block);
  EXPECT_EQ(w.get(), "third");
}

TEST(Watch, close_lets_the_last_value_be_seen) {
  watch<int> w{1};
  auto seen = w.subscribe(), unseen = w.subscribe();
  EXPECT_EQ(seen.recv(), 1);
  w.close();
  w.close();
  EXPECT_EQ(seen.recv().error(), errc::closed);
  EXPECT_EQ(unseen.recv(), 1);
  EXPECT_EQ(unseen.try_recv().error(), errc::closed);
  EXPECT_EQ(w.set(2).error(), errc::closed);
  EXPECT_EQ(w.get(), 1);
}

TEST(Watch, a_wait_ends_by_a_value_a_deadline_a_stop_and_close) {
  sim world{1};
  watch<int> w{1};
  std::vector<std::error_code> ended;
  const auto follows = [&] {
    auto r = w.subscribe();
    EXPECT_EQ(r.recv(), 1);
    ended.push_back(r.recv(world.in(5ms)).error());
    EXPECT_EQ(r.recv(), 2);
    ended.push_back(r.recv().error());
  };
  world.spawn(follows);
  world.thread(follows);
  auto stopped = world.rt().spawn([&] {
    auto r = w.subscribe();
    EXPECT_EQ(r.recv(), 1);
    return r.recv().error() == errc::canceled;
  });
  world.advance(4ms);
  EXPECT_TRUE(ended.empty());  // not early
  EXPECT_TRUE(stopped.request_stop());
  EXPECT_TRUE(stopped.join());
  world.advance(1ms);
  EXPECT_EQ(ended.size(), 2u);
  EXPECT_TRUE(w.set(2));
  EXPECT_EQ(world.parked(), 2u);
  w.close();
  world.run();
  ASSERT_EQ(ended.size(), 4u);
  for (const std::size_t i : {0u, 1u}) EXPECT_EQ(ended[i], errc::deadline_exceeded);
  for (const std::size_t i : {2u, 3u}) EXPECT_EQ(ended[i], errc::closed);
}

TEST(WatchDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto w = std::make_unique<watch<int>>(1);
        world.spawn([&] {
          auto r = w->subscribe();
          (void)r.recv();
          (void)r.recv();
        });
        (void)world.parked();
        w.reset();
      },
      "destroyed while somebody waits");
}

// --- broadcast

TEST(Broadcast, every_receiver_gets_what_is_sent_from_its_subscription_on) {
  broadcast<std::string> b{4};
  auto early = b.subscribe();
  EXPECT_TRUE(b.send("1"));
  auto late = b.subscribe();
  EXPECT_TRUE(b.send("2"));
  b.close();
  EXPECT_EQ(early.recv(), "1");
  auto copy = early;
  EXPECT_EQ(early.recv(), "2");
  EXPECT_EQ(copy.recv(), "2");
  EXPECT_EQ(late.recv(), "2");
  EXPECT_EQ(late.recv().error(), errc::closed);
  EXPECT_EQ(b.send("3").error(), errc::closed);
}

TEST(Broadcast, a_slow_receiver_is_told_how_many_it_has_missed) {
  broadcast<int> b{3};
  auto r = b.subscribe();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(b.send(i));
  EXPECT_EQ(r.recv(), 0);
  for (int i = 3; i < 8; ++i) EXPECT_TRUE(b.send(i));
  EXPECT_EQ(r.recv().error(), errc::limit);
  EXPECT_EQ(r.missed(), 4u);
  EXPECT_EQ(r.missed(), 0u);
  for (int i = 5; i < 8; ++i) EXPECT_EQ(r.recv(), i);
  EXPECT_EQ(r.try_recv().error(), errc::would_block);
}

TEST(BroadcastDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto b = std::make_unique<broadcast<int>>(1u);
        world.spawn([&] { (void)b->subscribe().recv(); });
        (void)world.parked();
        b.reset();
      },
      "destroyed while somebody waits");
}

TEST(BroadcastDeathTest, one_that_keeps_nothing_is_an_assertion) {
  EXPECT_DEATH(broadcast<int>{0}, "keeps nothing");
}

// --- every interleaving, against a model

// One number follows the other; receivers that are slow, stopped, late or use select see them in their order,
// each once, and the last.
void numbers(sim& world) {  // long: one scenario
  constexpr int last = 6;
  watch<int> w{0};
  broadcast<int> b{1 + world.random(3)};
  const auto due = world.in(1ms);
  const auto some_deadline = [&] { return world.random(3) == 0 ? world.in(0ns) : deadline::never(); };
  const auto follows = [&](bool by_select) {
    auto of_watch = w.subscribe();
    auto of_broadcast = b.subscribe();
    int seen = -1, next = -1;  // next: not known before the first value
    const auto watched = [&](result<int> r) {
      if (!r) return r.error() != errc::closed && r.error() != errc::canceled;
      world.check(*r > seen, "a value came twice, or out of order");
      seen = *r;
      return true;
    };
    const auto heard = [&](result<int> r) {
      if (!r && r.error() == errc::limit) {
        const auto missed = of_broadcast.missed();
        world.check(missed != 0, "missed nothing");
        if (next >= 0) next += static_cast<int>(missed);
        return true;
      }
      if (!r) return r.error() != errc::closed && r.error() != errc::canceled;
      world.check(next < 0 || *r == next, "a value was skipped without a word, or came twice");
      next = *r + 1;
      return true;
    };
    bool watching = true, hearing = true;
    while (watching || hearing) {
      if (by_select) {
        const auto r =
            select(when(watching, on_recv(of_watch, [&](auto v) { watching = watched(v); })),
                   when(hearing, on_recv(of_broadcast, [&](auto v) { hearing = heard(v); })),
                   when(world.random(3) == 0, on_timeout(world.random(2) == 0 ? world.in(0ns) : due, [] {})));
        if (!r) return;
      } else {
        if (hearing) hearing = heard(of_broadcast.recv(some_deadline()));
        if (watching) watching = watched(of_watch.recv(some_deadline()));
      }
    }
    if (seen != last) world.check(false, "the last value was not seen");
  };
  world.spawn([&] { follows(false); }, "follows");
  world.thread([&] { follows(world.random(2) == 0); }, "follows");
  world.spawn([&] { follows(true); }, "follows");
  world.spawn(
      [&] {
        for (int i = 1; i <= last; ++i) world.check(w.set(i).has_value(), "set() failed");
        w.close();
      },
      "sets");
  world.thread(
      [&] {
        event never;
        for (int i = 0; i < last; ++i) {
          world.check(b.send(i).has_value(), "send() failed");
          if (world.random(6) == 0) (void)never.wait(due);
        }
        b.close();
      },
      "sends");
  const auto hears_of_the_stop = [&](auto r) {
    int before = -1;
    for (;;) {
      const result<int> v = r.recv();
      if (v) world.check(*v > std::exchange(before, *v), "a value came twice, or out of order");
      else if (v.error() != errc::limit)
        return world.check(v.error() == errc::closed || v.error() == errc::canceled, "the wrong error");
    }
  };
  auto stopped = world.rt().spawn([&] {
    const auto way = world.random(3);
    if (way == 0) return hears_of_the_stop(w.subscribe());
    if (way == 1) return hears_of_the_stop(b.subscribe());
    auto of_watch = w.subscribe();
    auto of_broadcast = b.subscribe();
    bool open = true;
    const auto look = [&](result<int> v) { open = v || v.error() != errc::closed; };
    while (open && select(on_recv(of_watch, look), on_recv(of_broadcast, look))) {}
  });
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
}

TEST(Feed, values_come_once_and_in_order_and_none_is_missed_without_a_word) {
  explore(seeds, numbers, two_workers);
}

// Who has received the last value destroys the feed.
template <class Feed, class... Args>
void receive_and_destroy(sim& world, void (*send)(Feed&), Args... args) {
  auto feed = std::make_unique<Feed>(args...);
  auto r = feed->subscribe();
  const auto receives = [&] {
    for (int n = 0; n != 5;) {
      const auto v = r.recv();
      world.check(v.has_value(), "recv() failed");
      n = *v;
    }
    destroy_and_spoil(std::move(feed));
  };
  const auto sends = [&, to = feed.get()] { send(*to); };
  if (world.random(2) == 0) world.spawn(receives, "receiver");
  else world.thread(receives, "receiver");
  if (world.random(2) == 0) world.spawn(sends, "sender");
  else world.thread(sends, "sender");
  world.run();
}

void destroy_either(sim& world) {
  if (world.random(2) == 0) receive_and_destroy<watch<int>>(world, [](watch<int>& w) { (void)w.set(5); }, 0);
  else receive_and_destroy<broadcast<int>>(world, [](broadcast<int>& b) { (void)b.send(5); }, 1u);
}

TEST(Feed, may_be_destroyed_by_who_has_received_the_last_value) {
  explore(seeds, destroy_either, two_workers);
}

TEST(Feed, its_lock_is_needed) {
  expect_mutations_found(
      "runtime/base/thread_mutex.hpp", seeds,
      [](sim& world) {
        if (world.seed() % 2 == 0) numbers(world);
        else destroy_either(world);
      },
      {}, two_workers);
}

}  // namespace
}  // namespace weft

// unbounded_channel and oneshot in simulated worlds: what they do that channel does not.
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/oneshot.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/select.hpp>
#include <weft/runtime/unbounded_channel.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};
using parcel = std::unique_ptr<int>;

// --- unbounded_channel

TEST(UnboundedChannel, always_has_room_and_keeps_the_order) {
  unbounded_channel<parcel> c;
  int next = 0, sent = 0;
  for (int round = 0; round < 50; ++round) {  // the ring grows while its head is anywhere
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(c.send(std::make_unique<int>(sent++)));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(**c.recv(), next++);
  }
  EXPECT_EQ(c.size(), 200u);
  c.close();
  for (parcel& p : c) ASSERT_EQ(*p, next++);
  EXPECT_EQ(next, sent);
}

TEST(UnboundedChannel, takes_nothing_once_it_is_closed) {
  unbounded_channel<parcel> c;
  c.close();
  parcel mine = std::make_unique<int>(1);
  EXPECT_EQ(c.send(std::move(mine)).error(), errc::closed);
  EXPECT_EQ(c.try_send(std::move(mine)).error(), errc::closed);
  EXPECT_NE(mine, nullptr);
  EXPECT_EQ(c.try_recv().error(), errc::closed);
}

TEST(UnboundedChannel, destroys_what_nobody_received) {
  auto counted = std::make_shared<int>(0);
  {
    unbounded_channel<std::shared_ptr<int>> c;
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(c.send(counted));
    EXPECT_TRUE(c.recv());
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(UnboundedChannel, a_receiver_gives_up_when_stopped_or_late_and_is_told_of_the_end) {
  sim world{1};
  unbounded_channel<int> c;
  int late = 0, closed = 0;
  const auto receives = [&] {
    late += c.recv(world.in(1ms)).error() == errc::deadline_exceeded;
    closed += c.recv().error() == errc::closed;
  };
  world.spawn(receives);
  world.thread(receives);
  auto stopped = world.rt().spawn([&] { return c.recv().error() == errc::canceled; });
  world.advance(2ms);
  EXPECT_TRUE(stopped.request_stop());
  EXPECT_TRUE(stopped.join());
  EXPECT_EQ(world.parked(), 2u);
  c.close();
  world.run();
  EXPECT_EQ(late, 2);
  EXPECT_EQ(closed, 2);
}

struct letter {
  int from, number;
};

// Senders that make the ring grow, receivers with and without deadlines and by select, one of which is
// stopped, and a close in the midst of it or at the end.
void mail(sim& world) {  // long: one scenario
  constexpr int senders = 3, each = 12;
  unbounded_channel<std::unique_ptr<letter>> c;
  std::array<std::array<int, each>, senders> sent{}, received{};
  int sending = senders;
  const bool closes_early = world.random(4) == 0;
  const auto sends = [&](int who) {
    for (int i = 0; i < each; ++i) {
      auto l = std::make_unique<letter>(letter{who, i});
      const auto r = c.send(std::move(l));
      world.check(r.has_value() == (l == nullptr), "a failed send took the value, or the reverse");
      if (r) sent[static_cast<std::size_t>(who)][static_cast<std::size_t>(i)] = 1;
      else world.check(closes_early && r.error() == errc::closed, "the wrong error");
    }
    if (--sending == 0) c.close();
  };
  const auto due = world.in(1ms);
  const auto some_deadline = [&] {
    const auto r = world.random(6);
    return r == 0 ? deadline::past() : r == 1 ? due : deadline::never();
  };
  enum { by_recv, by_deadline, by_select, stopped };
  const auto receives = [&](std::uint64_t how) {
    std::array<int, senders> last{-1, -1, -1};
    for (bool open = true; open;) {
      const auto take = [&](result<std::unique_ptr<letter>> r) {
        if (!r) {
          open = r.error() != errc::closed && r.error() != errc::canceled;
          world.check(r.error() == errc::closed || how == by_deadline ||
                          (how == stopped && r.error() == errc::canceled),
                      "the wrong error");
          return;
        }
        const letter& l = **r;
        ++received[static_cast<std::size_t>(l.from)][static_cast<std::size_t>(l.number)];
        world.check(std::exchange(last[static_cast<std::size_t>(l.from)], l.number) < l.number,
                    "values of one sender came out of order");
      };
      if (how == by_recv || how == stopped) take(c.recv());
      else if (how == by_deadline) take(c.recv(some_deadline()));
      else world.check(select(on_recv(c, take)).has_value(), "select failed");
    }
  };
  for (int s = 0; s < senders; ++s) {
    if (s % 2 == 0) world.spawn([&, s] { sends(s); }, "sender");
    else world.thread([&, s] { sends(s); }, "sender");
  }
  world.spawn([&] { receives(by_recv); }, "receiver");
  world.spawn([&] { receives(world.random(2) == 0 ? by_deadline : by_select); }, "receiver");
  world.thread([&] { receives(world.random(stopped)); }, "receiver");
  auto stops = world.rt().spawn([&] { receives(stopped); }, {.name = "receiver"});
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    (void)stops.request_stop();
    if (closes_early) c.close();
    stops.join();
  });
  world.run();
  world.check(sent == received, "a value was lost, or came twice");
}

TEST(UnboundedChannel, every_value_comes_once_and_in_order) { explore(seeds, mail, two_workers); }

// --- oneshot

TEST(Oneshot, gives_its_value_once_and_is_closed) {
  oneshot<parcel> o;
  EXPECT_EQ(o.try_recv().error(), errc::would_block);
  EXPECT_TRUE(o.send(std::make_unique<int>(7)));
  parcel second = std::make_unique<int>(8);
  EXPECT_EQ(o.send(std::move(second)).error(), errc::closed);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(**o.recv(), 7);
  EXPECT_EQ(o.recv().error(), errc::closed);
}

TEST(Oneshot, close_without_a_value_tells_who_waits) {
  sim world{1};
  oneshot<parcel> o;
  int told = 0;
  const auto receives = [&] { told += o.recv().error() == errc::closed; };
  world.spawn(receives);
  world.thread(receives);
  ASSERT_EQ(world.parked(), 2u);
  o.close();
  world.run();
  EXPECT_EQ(told, 2);
  EXPECT_EQ(o.send(std::make_unique<int>(1)).error(), errc::closed);
}

template <class Channel>
void destroy_while_somebody_receives() {
  sim world{1};
  auto c = std::make_unique<Channel>();
  world.spawn([&] { (void)c->recv(); });
  (void)world.parked();
  c.reset();
}

TEST(UnboundedChannelDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(destroy_while_somebody_receives<unbounded_channel<int>>(), "destroyed while somebody waits");
}

TEST(OneshotDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(destroy_while_somebody_receives<oneshot<int>>(), "destroyed while somebody waits");
}

TEST(Oneshot, destroys_a_value_that_nobody_received) {
  auto counted = std::make_shared<int>(0);
  {
    oneshot<std::shared_ptr<int>> o;
    EXPECT_TRUE(o.send(counted));
  }
  EXPECT_EQ(counted.use_count(), 1);
}

// Several want the one value, by all means, and give up at about the time when it comes: at most one has it,
// and nobody waits for ever.
void one_value(sim& world) {
  oneshot<parcel> o;
  const auto due = world.in(1ms);
  int got = 0, sent = 0;
  const auto take = [&](result<parcel> r) {
    if (r) world.check(**r == 5, "garbage came"), ++got;
    else world.check(r.error() != errc::would_block, "the wrong error");
  };
  const auto receives = [&] {
    switch (world.random(4)) {
      case 0: return take(o.recv(due));
      case 1: return world.check(select(on_recv(o, take)).has_value(), "select failed");
      case 2:
        return world.check(select(on_recv(o, take), on_timeout(due, [] {})).has_value(), "select failed");
      default: return take(o.recv());
    }
  };
  world.spawn(receives, "receiver");
  world.thread(receives, "receiver");
  auto stopped = world.rt().spawn([&] {
    const auto ends = [&](result<parcel> r) {
      if (r) ++got;
      else world.check(r.error() == errc::closed || r.error() == errc::canceled, "the wrong error");
    };
    if (world.random(2) == 0) ends(o.recv());
    else (void)select(on_recv(o, ends));
  });
  const bool closes = world.random(3) == 0;
  world.thread([&] {
    event never;
    if (world.random(2) == 0) (void)never.wait(due);
    sent += o.send(std::make_unique<int>(5)).has_value();
  });
  world.thread([&] {
    if (closes) o.close();
    (void)stopped.request_stop();
    stopped.join();
  });
  world.run();
  got += o.try_recv().has_value();
  world.check(got == sent && (sent == 1 || closes), "the value was lost, or came twice");
}

TEST(Oneshot, the_value_comes_once_or_not_at_all) { explore(seeds, one_value, two_workers); }

// Who has received it destroys it.
template <class Channel>
void receive_and_destroy(sim& world) {
  auto o = std::make_unique<Channel>();
  const auto receives = [&] {
    world.check(o->recv().has_value(), "recv() failed");
    destroy_and_spoil(std::move(o));
  };
  const auto sends = [&, to = o.get()] {
    world.check(to->send(std::make_unique<int>(5)).has_value(), "send() failed");
  };
  if (world.random(2) == 0) world.spawn(receives, "receiver");
  else world.thread(receives, "receiver");
  if (world.random(2) == 0) world.spawn(sends, "sender");
  else world.thread(sends, "sender");
  world.run();
}

TEST(Oneshot, may_be_destroyed_by_who_has_received_the_value) {
  explore(seeds, receive_and_destroy<oneshot<parcel>>, two_workers);
}

TEST(UnboundedChannel, may_be_destroyed_by_who_has_received_the_value) {
  explore(seeds, receive_and_destroy<unbounded_channel<parcel>>, two_workers);
}

TEST(UnboundedChannel, its_lock_is_needed) {
  expect_mutations_found(
      "runtime/short_lock.hpp", seeds,
      [](sim& world) {
        if (world.seed() % 2 == 0) mail(world);
        else if (world.random(2) == 0) receive_and_destroy<oneshot<parcel>>(world);
        else receive_and_destroy<unbounded_channel<parcel>>(world);
      },
      {}, two_workers);
}

}  // namespace
}  // namespace weft

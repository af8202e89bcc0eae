// channel in simulated worlds: fibers and foreign threads send and receive against timeouts, stops, close()
// and the end of the channel.
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
#include <weft/runtime/channel.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

using parcel = std::unique_ptr<int>;  // moves only, and tells whether it was

// --- one world

TEST(Channel, without_capacity_send_returns_when_somebody_has_the_value) {
  sim world{1};
  channel<int> c{0};
  bool sent = false;
  world.spawn([&] { sent = c.send(7).has_value(); });
  EXPECT_EQ(world.parked(), 1u);
  EXPECT_EQ(c.size(), 0u);
  EXPECT_EQ(c.try_recv(), 7);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_TRUE(sent);
}

TEST(Channel, holds_as_many_values_as_its_capacity_in_their_order) {
  sim world{1};
  channel<int> c{3};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(c.try_send(int{i}));
  EXPECT_EQ(c.size(), 3u);
  EXPECT_EQ(c.try_send(3).error(), errc::would_block);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(c.try_recv(), i);
  EXPECT_EQ(c.try_recv().error(), errc::would_block);
}

TEST(Channel, a_sender_that_waits_keeps_its_turn) {
  sim world{1};
  channel<int> c{2};
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(c.try_send(int{i}));
  world.spawn([&] { EXPECT_TRUE(c.send(2)); });
  EXPECT_EQ(world.parked(), 1u);
  EXPECT_EQ(c.try_recv(), 0);
  EXPECT_EQ(c.size(), 2u);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(c.try_recv(), 1);
  EXPECT_EQ(c.try_recv(), 2);
}

TEST(Channel, a_value_goes_straight_to_a_receiver_that_waits) {
  sim world{1};
  channel<parcel> c{5};
  std::vector<int> got;
  for (int i = 0; i < 2; ++i) world.spawn([&] { got.push_back(**c.recv()); });
  ASSERT_EQ(world.parked(), 2u);
  EXPECT_TRUE(c.send(std::make_unique<int>(1)));
  EXPECT_TRUE(c.send(std::make_unique<int>(2)));
  EXPECT_EQ(c.size(), 0u);  // before they have run
  world.run();
  EXPECT_EQ(got, (std::vector{1, 2}));  // who came first is served first
}

TEST(Channel, a_closed_one_is_drained_and_takes_nothing) {
  sim world{1};
  channel<parcel> c{2};
  EXPECT_TRUE(c.send(std::make_unique<int>(1)));
  c.close();
  c.close();
  parcel mine = std::make_unique<int>(2);
  EXPECT_EQ(c.send(std::move(mine)).error(), errc::closed);
  EXPECT_EQ(c.try_send(std::move(mine)).error(), errc::closed);
  ASSERT_NE(mine, nullptr);
  EXPECT_EQ(**c.recv(), 1);
  EXPECT_EQ(c.recv().error(), errc::closed);
  EXPECT_EQ(c.try_recv().error(), errc::closed);
}

TEST(Channel, close_ends_every_wait_and_returns_the_values) {
  sim world{1};
  channel<parcel> sends{0}, receives{0};
  int ended = 0;
  const auto sender = [&] {
    parcel mine = std::make_unique<int>(1);
    ended += sends.send(std::move(mine)).error() == errc::closed && mine != nullptr;
  };
  const auto receiver = [&] { ended += receives.recv().error() == errc::closed; };
  for (int i = 0; i < 2; ++i) {
    world.spawn(sender);
    world.thread(sender);
    world.spawn(receiver);
    world.thread(receiver);
  }
  ASSERT_EQ(world.parked(), 8u);
  sends.close();
  receives.close();
  world.run();
  EXPECT_EQ(ended, 8);
}

TEST(Channel, a_sender_gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  channel<parcel> c{0};
  int ended = 0;
  const auto sender = [&] {
    parcel mine = std::make_unique<int>(1);
    ended += c.send(std::move(mine), world.in(5ms)).error() == errc::deadline_exceeded && mine != nullptr;
  };
  world.spawn(sender);
  world.thread(sender);
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(c.try_recv().error(), errc::would_block);  // they have left no trace
}

TEST(Channel, a_receiver_gives_up_at_the_deadline_and_not_before) {
  sim world{1};
  channel<parcel> c{0};
  int ended = 0;
  const auto receiver = [&] { ended += c.recv(world.in(5ms)).error() == errc::deadline_exceeded; };
  world.spawn(receiver);
  world.thread(receiver);
  world.advance(4ms);
  EXPECT_EQ(world.parked(), 2u);
  world.advance(1ms);
  EXPECT_EQ(world.parked(), 0u);
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(c.try_send(std::make_unique<int>(1)).error(), errc::would_block);
}

TEST(Channel, a_deadline_that_has_passed_tries_once) {
  sim world{1};
  channel<int> c{1};
  EXPECT_EQ(c.recv(0ns).error(), errc::deadline_exceeded);
  EXPECT_TRUE(c.send(1, 0ns));
  EXPECT_EQ(c.send(2, -1s).error(), errc::deadline_exceeded);
  EXPECT_EQ(c.recv(0ns), 1);
}

TEST(Channel, a_stop_ends_a_wait_but_no_call_that_need_not_wait) {
  sim world{1};
  channel<parcel> c{1};
  std::array<result<parcel>, 2> got;
  result<void> sent, refused;
  parcel mine = std::make_unique<int>(2);
  auto fiber = world.rt().spawn([&] {
    got[0] = c.recv();
    sent = c.send(std::make_unique<int>(1));
    refused = c.send(std::move(mine));
    got[1] = c.recv();
  });
  world.advance(1ms);
  EXPECT_TRUE(fiber.request_stop());
  fiber.join();
  EXPECT_EQ(got[0].error(), errc::canceled);
  EXPECT_TRUE(sent);
  EXPECT_EQ(refused.error(), errc::canceled);
  EXPECT_NE(mine, nullptr);
  EXPECT_EQ(**got[1], 1);
}

TEST(Channel, range_for_ends_when_all_is_drained) {
  sim world{1};
  channel<parcel> c{1};
  int sum = 0;
  world.spawn([&] {
    for (parcel& p : c) sum += *p;
    EXPECT_TRUE(this_fiber::checkpoint());
  });
  world.thread([&] {
    for (int i = 1; i <= 4; ++i) EXPECT_TRUE(c.send(std::make_unique<int>(i)));
    c.close();
  });
  world.run();
  EXPECT_EQ(sum, 10);
}

TEST(Channel, range_for_ends_when_canceled) {
  sim world{1};
  channel<int> c{1};
  auto fiber = world.rt().spawn([&]() -> result<void> {
    for ([[maybe_unused]] int n : c) ADD_FAILURE();
    return this_fiber::checkpoint();
  });
  world.advance(1ms);
  (void)fiber.request_stop();
  EXPECT_EQ(fiber.join().error(), errc::canceled);
}

TEST(Channel, range_for_ends_at_the_deadline_of_fiber_and_thread) {
  sim world{1};
  channel<int> c{1};
  int late = 0;
  const auto receives = [&] {
    with_deadline(1ms, [&] {
      for ([[maybe_unused]] int n : c) ADD_FAILURE();
      late += this_fiber::checkpoint().error() == errc::deadline_exceeded;
    });
  };
  world.spawn(receives);
  world.thread(receives);
  world.run();
  EXPECT_EQ(late, 2);
}

TEST(Channel, a_copy_is_sent_of_what_is_not_given_away) {
  sim world{1};
  channel<std::string> c{1};
  const std::string text = "a text that does not fit into the string itself";
  EXPECT_TRUE(c.send(text));
  EXPECT_EQ(c.recv(), text);
}

TEST(Channel, destroys_what_nobody_received) {
  auto counted = std::make_shared<int>(0);
  {
    sim world{1};
    channel<std::shared_ptr<int>> c{3};
    for (int i = 0; i < 5; ++i) {  // around the end of the ring
      EXPECT_TRUE(c.send(counted));
      if (i < 3) {
        EXPECT_TRUE(c.recv());
      }
    }
    EXPECT_EQ(counted.use_count(), 3);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(ChannelDeathTest, destroying_it_while_somebody_waits_is_an_assertion) {
  EXPECT_DEATH(
      {
        sim world{1};
        auto c = std::make_unique<channel<int>>(0);
        world.spawn([&] { (void)c->recv(); });
        (void)world.parked();
        c.reset();
      },
      "destroyed while somebody waits");
  EXPECT_DEATH(
      {
        sim world{1};
        auto c = std::make_unique<channel<int>>(0);
        world.spawn([&] { (void)c->send(1); });
        (void)world.parked();
        c.reset();
      },
      "destroyed while somebody waits");
}

// --- every interleaving, against a model

struct letter {
  int sender = -1, number = -1;
};

// What was sent, by whom, and who has it.
struct model {
  static constexpr int senders = 4, each = 3;

  explicit model(sim& w) : world{w} {}

  void sent(int sender, int number) { state[sender][number] |= was_sent; }

  // `last`: what this receiver has last had of each sender.
  void received(const letter& l, std::array<int, senders>& last) {
    world.check(l.sender >= 0 && l.sender < senders && l.number >= 0 && l.number < each, "garbage came");
    int& seen = state[l.sender][l.number];
    world.check((seen & was_received) == 0, "a value came twice");
    seen |= was_received;
    int& previous = last.at(static_cast<std::size_t>(l.sender));
    world.check(l.number > previous, "values of one sender came out of order");
    previous = l.number;
  }

  void check_nothing_lost() {
    for (const auto& of_sender : state)
      for (const int s : of_sender) {
        world.check(s != was_received, "a value came that was never sent");
        world.check(s != was_sent, "a value was lost");
      }
  }

  static constexpr int was_sent = 1, was_received = 2;
  sim& world;
  int state[senders][each]{};
};

using letters = channel<std::unique_ptr<letter>>;

// Two senders on fibers, two on threads, three receivers; a sender and a receiver are stopped; deadlines that
// end at the same tick as everything else; a close in the midst of it, or at the end.
void mail(sim& world) {  // long: one scenario
  model m{world};
  letters c{world.random(3)};
  const auto due = world.in(1ms);
  int sending = model::senders;
  const bool closes_early = world.random(2) == 0;
  const auto some_deadline = [&] {
    const auto r = world.random(6);
    return r == 0 ? world.in(0ns) : r == 1 ? due : deadline::never();
  };
  constexpr int stopped_sender = 0;
  const auto sends = [&](int who) {
    for (int i = 0; i < model::each; ++i) {
      auto l = std::make_unique<letter>(letter{who, i});
      const result<void> r =
          world.random(4) == 0 ? c.try_send(std::move(l)) : c.send(std::move(l), some_deadline());
      world.check(r.has_value() == (l == nullptr), "a failed send took the value, or the reverse");
      if (r) m.sent(who, i);
      else if (r.error() == errc::closed) world.check(closes_early, "closed too early");
      else if (r.error() == errc::canceled) world.check(who == stopped_sender, "stopped by nobody");
    }
    if (--sending == 0) c.close();
  };
  const auto receives = [&](bool until_closed) {
    std::array<int, model::senders> last{-1, -1, -1, -1};
    for (;;) {
      auto r = until_closed ? c.recv() : c.recv(some_deadline());
      if (!r) {
        world.check(!until_closed || r.error() == errc::closed, "the wrong error");
        if (r.error() == errc::closed || r.error() == errc::canceled) return;
        continue;
      }
      m.received(**r, last);
    }
  };
  auto stopped_sends = world.rt().spawn([&] { sends(stopped_sender); }, {.name = "sender"});
  for (int s = 1; s < model::senders; ++s) {
    if (s % 2 == 0) world.spawn([&, s] { sends(s); }, "sender");
    else world.thread([&, s] { sends(s); }, "sender");
  }
  world.spawn([&] { receives(true); }, "receiver");
  world.thread([&] { receives(world.random(2) == 0); }, "receiver");
  auto stopped = world.rt().spawn([&] { receives(false); });
  world.thread([&] {
    channel<int> never{0};
    if (world.random(2) == 0) (void)never.recv(due);
    (void)stopped.request_stop();
    if (world.random(2) == 0) (void)stopped_sends.request_stop();
    if (closes_early) c.close();
    stopped.join();
    stopped_sends.join();
  });
  world.run();
  m.check_nothing_lost();
}

TEST(Channel, every_value_comes_once_and_in_order) { explore(seeds, mail, {.workers = 2}); }

// One value; who has received it destroys the channel.
void send_and_destroy(sim& world) {
  auto c = std::make_unique<letters>(1);
  const auto receives = [&] {
    const auto r = c->recv();
    world.check(r.has_value() && (*r)->number == 5, "recv() failed");
    destroy_and_spoil(std::move(c));
  };
  const auto sends = [&, to = c.get()] {
    world.check(to->send(std::make_unique<letter>(letter{0, 5})).has_value(), "send() failed");
  };
  if (world.random(2) == 0) world.spawn(receives, "receiver");
  else world.thread(receives, "receiver");
  if (world.random(2) == 0) world.spawn(sends, "sender");
  else world.thread(sends, "sender");
  world.run();
}

TEST(Channel, may_be_destroyed_by_who_has_received_the_last_value) {
  explore(seeds, send_and_destroy, {.workers = 2});
}

// On one worker: who has been given a value is stopped before it has run.
void send_and_stop(sim& world) {
  letters c{0};
  result<std::unique_ptr<letter>> first, second;
  auto receiver = world.rt().spawn([&] {
    first = c.recv();
    second = c.recv();
  });
  world.spawn([&] {
    this_fiber::yield();
    world.check(c.send(std::make_unique<letter>(letter{0, 5})).has_value(), "send() failed");
    (void)receiver.request_stop();
    receiver.join();
  });
  world.run();
  world.check(first.has_value() && (*first)->number == 5, "the stop has taken the value");
  world.check(!second && second.error() == errc::canceled, "the stop was forgotten");
}

TEST(Channel, a_stop_comes_too_late_for_a_wait_that_has_its_value) { explore(seeds, send_and_stop); }

TEST(Channel, every_operation_is_needed) {
  const auto race = [](sim& world) {
    if (world.random(2) == 0) send_and_destroy(world);
    else mail(world);
  };
  expect_mutations_found("runtime/short_lock.hpp", seeds, race, {}, {.workers = 2});
  expect_mutations_found(code{"runtime/parker.hpp", "claim_alone"}, seeds, send_and_stop, {}, {.workers = 1});
}

}  // namespace
}  // namespace weft

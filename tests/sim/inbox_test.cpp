// The inbox under every interleaving that ten thousand seeds give: no message is lost, none comes twice,
// each sender's come in order, nobody sleeps while there is one, and nobody touches the poller once it is
// gone.
#include <algorithm>
#include <iterator>
#include <memory>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/kernel.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/inbox.hpp>

namespace weft {
namespace {

using detail::inbox;
using detail::message;

constexpr std::uint64_t seeds = 10'000;
constexpr int senders = 2, messages_each = 2;

struct numbered : message {
  int sender = 0;
  int number = 0;
};

// The worker as worker.cpp has it: takes, else falls asleep, and ends with its poller when all has come.
void deliver_all(sim& world) {
  inbox box;
  numbered all[senders][messages_each];
  int last[senders];
  int came = 0;
  std::fill(std::begin(last), std::end(last), -1);
  const auto take_all = [&] {
    for (message* m = box.take(); m != nullptr;) {
      message* const next = m->next;
      const auto& n = static_cast<numbered&>(*m);
      world.check(n.number == last[n.sender] + 1, "out of order, twice or lost");
      last[n.sender] = n.number;
      ++came;
      m = next;
    }
  };
  const auto send = [&](int sender) {
    for (int i = 0; i < messages_each; ++i) {
      numbered& m = all[sender][i];
      m.sender = sender;
      m.number = i;
      box.push(m);
    }
  };
  world.thread(
      [&] {
        auto poller = detail::make_simulated_poller();
        box.attach(*poller);
        for (int s = 0; s < senders; ++s) world.thread([&, s] { send(s); }, "sender");
        while (came < senders * messages_each) {
          take_all();
          if (came == senders * messages_each || !box.fall_asleep()) continue;
          // Now and then it wakes for a timer, and races with who would wake it.
          poller->turn(world.random(2) == 0 ? deadline::never() : world.in(std::chrono::nanoseconds{0}));
          box.wake_up();
        }
        box.quiesce();
      },
      "worker");
  world.run();
}

TEST(Inbox, loses_no_message_and_no_wake) { explore(seeds, deliver_all); }

TEST(Inbox, every_operation_is_needed) {
  expect_mutations_found(
      "inbox.hpp", seeds, deliver_all,
      {{"head = head_.load", mutation::change::drop, "a first guess: the compare-exchange corrects it"}});
}

TEST(Inbox, notify_of_the_poller_is_needed) { expect_mutations_found("kernel.cpp", seeds, deliver_all); }

}  // namespace
}  // namespace weft

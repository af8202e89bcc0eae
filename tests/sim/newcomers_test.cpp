// The newcomers of a worker under every interleaving that the seeds give: each fiber arrives once, at the
// worker or where the monitor brings it, and the worker is never left asleep with one.
#include <memory>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/kernel.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/inbox.hpp>
#include <weft/runtime/newcomers.hpp>

namespace weft {
namespace {

using detail::inbox;
using detail::message;
using detail::newcomers;

constexpr std::uint64_t seeds = 10'000;
constexpr int spawners = 2, fibers_each = 2, fibers = spawners * fibers_each;

struct arriving : message {
  detail::atomic<int> times{0};
};

// The worker hears of newcomers through its inbox and sleeps otherwise, while the monitor takes some away.
void arrive(sim& world) {
  inbox box;
  newcomers coming;
  arriving all[fibers];
  message told, last;  // `last`: the monitor has had its share, and no spawner is left to tell
  detail::atomic<int> arrived{0};
  detail::atomic<int> ended{0};
  const auto accept_all = [&](message* m) {
    while (m != nullptr) {
      message* const next = m->next;
      world.check(static_cast<arriving&>(*m).times.fetch_add(1) == 0, "arrived twice");
      arrived.fetch_add(1);
      m = next;
    }
  };
  const auto end_one = [&] {
    if (ended.fetch_add(1) == spawners) box.push(last);
  };
  world.thread(
      [&] {
        auto poller = detail::make_simulated_poller();
        box.attach(*poller);
        for (int s = 0; s < spawners; ++s)
          world.thread(
              [&, s] {
                for (int i = 0; i < fibers_each; ++i)
                  if (coming.push(all[s * fibers_each + i])) box.push(told);
                end_one();
              },
              "spawner");
        world.thread(
            [&] {
              accept_all(coming.take());
              end_one();
            },
            "monitor");
        for (bool over = false; !over;) {
          for (message* m = box.take(); m != nullptr;) {
            message* const next = m->next;
            if (m == &told) accept_all(coming.take_told());
            over |= m == &last;
            m = next;
          }
          if (over || !box.fall_asleep()) continue;
          poller->turn(deadline::never());
          box.wake_up();
        }
        world.check(arrived.load() == fibers, "one was left behind");
        box.quiesce();
      },
      "worker");
  world.run();
}

TEST(Newcomers, come_once_each_and_none_is_left_behind) { explore(seeds, arrive); }

TEST(Newcomers, every_operation_is_needed) {
  expect_mutations_found("newcomers.hpp", seeds, arrive,
                         {{"message* newest = newest_.load", mutation::change::drop,
                           "a first guess: the compare-exchange corrects it"},
                          {"told_.exchange(false", mutation::change::tear,
                           "who is told finds it set: it is an exchange only to see what the teller saw"}});
}

}  // namespace
}  // namespace weft

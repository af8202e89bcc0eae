// The gate under every interleaving: opening against a deadline and a stop, and an end as soon as the wait
// has returned.
#include <weft/net/gate.hpp>

#include <chrono>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <sim/destroy.hpp>
#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::gate;
using detail::park_reason;
using detail::wake_reason;

constexpr std::uint64_t seeds = 10'000;

// Sleeps until exactly then, on a fiber or a thread.
void rest(deadline until) {
  detail::wait w{/*cancellable=*/false};
  (void)park(w, until, park_reason::sleep);
}

// One waits, with a deadline and perhaps a stop, then for ever; then the gate goes. Another opens it, at the
// same tick as the deadline or at any other moment.
void wait_and_open(sim& world) {
  auto owned = std::make_unique<gate>();
  gate* const at = owned.get();
  const deadline until = world.in(world.random(3) == 0 ? 0ms : 1ms);
  const bool waits_on_fiber = world.random(2) == 0, opens_on_fiber = world.random(2) == 0;
  bool opening = false, opened = false, stopped = false;

  const auto waits = [&] {
    wake_reason how = at->wait(until, /*cancellable=*/true, park_reason::turn);
    if (how != wake_reason::woken) {
      world.check(how == wake_reason::timed_out ? until.expired() : stopped, "ended by nothing");
      // One worker: the opener cannot have come to its end since this fiber goes on.
      world.check(!(waits_on_fiber && opens_on_fiber && opened), "it was open, whatever else");
      how = at->wait(deadline::never(), /*cancellable=*/false, park_reason::turn);
    }
    world.check(how == wake_reason::woken && opening, "opened by nobody");
    world.check(at->is_open(), "it is closed again");
    destroy_and_spoil(std::move(owned));
  };
  const auto opens = [&] {
    if (world.random(2) == 0) rest(until);
    opening = true;
    at->open();
    opened = true;
  };
  if (opens_on_fiber) world.spawn(opens);
  else world.thread(opens);
  if (!waits_on_fiber) {
    world.thread(waits);
    return world.run();
  }
  task<void> waiter = world.rt().spawn(waits);
  world.thread([&] {
    if (world.random(2) == 0) rest(until);
    if (world.random(2) == 0) {
      stopped = true;
      (void)waiter.request_stop();
    }
    waiter.join();
  });
  world.run();
}

TEST(Gate, one_waits_until_it_opens_and_may_destroy_it_then) { explore(seeds, wait_and_open); }

TEST(Gate, every_operation_is_needed) { expect_mutations_found("net/gate.hpp", seeds, wait_and_open); }

}  // namespace
}  // namespace weft

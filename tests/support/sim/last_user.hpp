// A mutex in an object with a count of its users, which the last one destroys: whoever releases it must have
// let go of all of it by the time another can take it.
#pragma once

#include <memory>
#include <utility>

#include <sim/destroy.hpp>
#include <sim/sim.hpp>

namespace weft {

/// Three users, fibers and threads, of one M: each calls before(m), and is counted under its lock.
template <class M, class Before>
void last_user_destroys(sim& world, Before before) {
  auto m = std::make_unique<M>();
  int users = 3;
  const auto uses = [&, p = m.get()] {
    before(*p);
    p->lock();
    const bool last = --users == 0;
    p->unlock();
    if (!last) return;
    destroy_and_spoil(std::move(m));
  };
  world.spawn(uses);
  world.thread(uses);
  if (world.random(2) == 0) world.spawn(uses);
  else world.thread(uses);
  world.run();
}

}  // namespace weft

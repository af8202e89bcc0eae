// Who is inside a mutex, in a scenario whose fibers and threads say so themselves.
#pragma once

#include <sim/sim.hpp>

namespace weft {

/// Checks that whoever is in a section alone is alone there.
struct holders {
  sim& world;
  int alone = 0, sharing = 0;  // now
  int in_all = 0;

  void section() {
    world.check(alone == 0 && sharing == 0, "two hold it");
    ++alone;
    world.interleave();
    ++in_all;
    --alone;
  }

  void section_shared() {
    world.check(alone == 0, "it is shared with one who holds it alone");
    ++sharing;
    world.interleave();
    ++in_all;
    --sharing;
  }
};

}  // namespace weft

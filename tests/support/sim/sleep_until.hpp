// A pause in a scenario.
#pragma once

#include <weft/runtime/event.hpp>

namespace weft {

/// Parks the calling fiber or foreign thread at an event that nobody sets; a stop ends it.
inline void sleep_until(deadline until) {
  event never;
  (void)never.wait(until);
}

}  // namespace weft

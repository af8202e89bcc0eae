// What weft keeps per operating-system thread: one struct, so that the simulator can swap it between
// simulated threads.
#pragma once

#include <cstdint>

namespace weft::detail {

class worker;
class parker;

struct thread_state {
  worker* current = nullptr;  // the worker that this thread is, or null on a foreign thread
  parker* waiting = nullptr;  // what a foreign thread waits with; made on its first wait
  std::uint64_t draws = 0;    // the state of select's random numbers
};

// initial-exec: one instruction to read, in a shared library too. A started fiber never changes its thread,
// so neither the address nor `current` goes stale across a suspension.
extern constinit thread_local thread_state this_thread [[gnu::tls_model("initial-exec")]];

}  // namespace weft::detail

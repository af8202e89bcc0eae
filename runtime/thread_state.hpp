// What weft keeps per operating-system thread: one struct, so that the simulator can swap it between
// simulated threads.
#pragma once

#include <cstdint>

#include <weft/runtime/base/deadline.hpp>

namespace weft::trace::detail {
struct thread_ring;
}

namespace weft::detail {

class local_table;
class worker;
class parker;

struct thread_state {
  worker* current = nullptr;      // the worker that this thread is, or null on a foreign thread
  worker* waker = nullptr;        // the same, but null while wake-ups are traced: they then go the long way
  parker* waiting = nullptr;      // what a foreign thread waits with; made on its first wait
  bool of_pool = false;           // it runs a job of an offload pool, so it is not foreign
  local_table* locals = nullptr;  // its values of fiber_local; made with the first

  std::uint64_t random = 0;  // the state of random_below()

  trace::detail::thread_ring* ring = nullptr;  // where its trace goes; made with the first record

  /// The deadline of a foreign thread's cancellable waits: with_deadline().
  deadline until() const noexcept {
    deadline d;
    d.at ^= earlier;
    return d;
  }
  void set_until(deadline d) noexcept { earlier = d.at ^ deadline::never().at; }

 private:
  std::int64_t earlier = 0;  // until() against never, so that a new thread's state is all zeroes
};

// initial-exec: one instruction to read, in a shared library too. A started fiber never changes its thread,
// so neither the address nor `current` goes stale across a suspension.
extern constinit thread_local thread_state this_thread [[gnu::tls_model("initial-exec")]];

}  // namespace weft::detail

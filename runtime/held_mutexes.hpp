// A std::mutex held across a suspension: whoever else wants it blocks a worker, perhaps the one that is to
// run the fiber that holds it. With options.assert_may_block a debug build tells.
//
// Nothing exported sees a lock taken, so the linker does it: in a debug build, programs that link weft with
// its own link arguments call pthread_mutex_lock() and its kin through wrappers that count.
//
// Source: ld(1), --wrap.
#pragma once

namespace weft::detail {

struct fiber;
class worker;

/// What the calling thread holds; nothing ever where calls are not wrapped. When fibers change it is nothing:
/// what a fiber holds then is told, and forgotten.
struct held_mutexes {
  int count = 0;
  const void* locked_at = nullptr;  // a return address: where the first was taken
};
inline constinit thread_local held_mutexes held_here{};

/// Tells the error sink that `self`, which is about to suspend, holds what `held_here` says. At most one
/// report a second on each worker.
void report_held_mutexes(worker& here, fiber& self) noexcept;

}  // namespace weft::detail

// A small number for the calling thread, which no other thread has while it lives: its place in every pool.
//
// A pool keeps one cache per slot. When a thread ends, another one may get its slot, and takes over the
// caches with what is in them: no block is stranded, and a pool need not hear of threads that come and go.
// Slot 0 is nobody's: a thread has it that has not asked yet, or came when all others were taken, or is about
// to end.
#pragma once

#include <cstdint>

namespace weft::detail {

/// One more than the greatest slot.
inline constexpr std::uint32_t thread_slots = 256;

struct thread_slot {
  std::uint32_t index = 0;
  bool closed = false;  // there is none for this thread
};

// initial-exec: one instruction to read, in a shared library too.
extern constinit thread_local thread_slot this_thread_slot [[gnu::tls_model("initial-exec")]];

/// The slot of the calling thread, which is taken if it has none; 0: there is none. Cost: a lock, once per
/// thread.
std::uint32_t take_thread_slot() noexcept;

/// Lets another thread have it. At the end of a thread, by itself.
void leave_thread_slot() noexcept;

}  // namespace weft::detail

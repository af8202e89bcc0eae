// The rings of all threads that have traced something: one each, made with its first record.
//
// A thread's ring stays readable when the thread has ended; of such rings the newest few are kept. Starting a
// trace begins a new generation: a ring of an older one is nobody's but its thread's, which drops it with
// its next record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/base/splitmix.hpp>
#include <weft/runtime/thread_state.hpp>
#include <weft/runtime/trace/recording.hpp>
#include <weft/runtime/trace/ring.hpp>

namespace weft::trace::detail {

struct thread_ring {
  thread_ring(std::size_t records, std::uint32_t generation_);

  std::uint64_t random_high() noexcept { return weft::detail::splitmix(high += weft::detail::splitmix_step); }
  std::uint64_t random_low() noexcept { return weft::detail::splitmix(low += weft::detail::splitmix_step); }

  ring records;
  const std::uint32_t generation;
  const std::uint64_t thread;  // as the kernel knows it
  std::string name;
  bool ended = false;       // guarded by the registry's lock: its thread has
  std::uint64_t high, low;  // random starts, counted up: where ids come from
};

/// That of new rings.
extern constinit weft::detail::exposed<std::uint32_t> ring_generation;

/// Makes the calling thread a ring of the present generation, unless it has one. On a thread's own stack.
void prepare_ring() noexcept;

/// The cold half of own_ring().
thread_ring* renewed_ring() noexcept;

/// The ring of the calling thread. Null: no memory.
WEFT_ALWAYS_INLINE thread_ring* own_ring() noexcept {
  thread_ring* const own = weft::detail::this_thread.ring;
  if (own != nullptr && own->generation == ring_generation.get()) [[likely]]
    return own;
  return renewed_ring();
}

/// Writes `r`, stamped with the time.
void write(record& r) noexcept;

/// Forgets all that was recorded; rings that are made from now on have room for so many records.
void renew_rings(std::size_t records);

/// What the rings of this generation have.
std::vector<recording::track> read_rings();

}  // namespace weft::trace::detail

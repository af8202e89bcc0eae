// What a parked fiber waits for: the primitive, and who has to let go of it.
//
// Only a fiber's home worker may follow fiber::waiting, or who knows that that worker stands still.
#pragma once

#include <span>

#include <weft/runtime/alternative.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

/// Whether a wait of this kind is a list_waiter: at one primitive.
bool waits_in_a_list(park_reason why) noexcept;

/// Calls f(address) for each primitive at which `w` waits, as far as that is known; not for null ones.
template <class F>
void for_each_awaited(const wait& w, park_reason why, F f) {
  if (waits_in_a_list(why)) {
    f(static_cast<const list_waiter&>(w).at);
  } else if (why == park_reason::select) {
    for (const alternative* const a : static_cast<const select_wait&>(w).all)
      if (a != nullptr) f(a->primitive());
  }
}

/// Who has what the fiber waits for, if that is one, and known.
const parker* holder_awaited_by(const fiber& f) noexcept;

/// Who waits for the end of the fiber, or null.
inline const parker* joiner_of(const fiber& f) noexcept {
  const std::uint64_t joiner = f.control.load(std::memory_order_acquire) & fiber::joiner_mask;
  return reinterpret_cast<const parker*>(joiner & ~fiber::joiner_sole);
}

}  // namespace weft::detail

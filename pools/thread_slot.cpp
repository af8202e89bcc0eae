#include <weft/pools/thread_slot.hpp>

#include <array>
#include <bit>
#include <mutex>

#include <weft/pools/pool_lock.hpp>

namespace weft::detail {
namespace {

constexpr std::uint32_t word_bits = 64;

// Never destroyed: threads end at any time.
struct slots {
  pool_lock lock;
  std::array<std::uint64_t, thread_slots / word_bits> taken{1};  // slot 0
};

slots& all_slots() noexcept {
  static slots& all = *new slots;
  return all;
}

}  // namespace

constinit thread_local thread_slot this_thread_slot;

std::uint32_t take_thread_slot() noexcept {
  if (this_thread_slot.index != 0 || this_thread_slot.closed) return this_thread_slot.index;
  struct leaver {
    ~leaver() { leave_thread_slot(); }
  };
  [[maybe_unused]] static thread_local leaver at_thread_exit;
  slots& all = all_slots();
  const std::lock_guard hold{all.lock};
  for (std::uint32_t i = 0; i < all.taken.size(); ++i) {
    if (all.taken[i] == ~std::uint64_t{0}) continue;
    const auto bit = static_cast<std::uint32_t>(std::countr_one(all.taken[i]));
    all.taken[i] |= std::uint64_t{1} << bit;
    return this_thread_slot.index = i * word_bits + bit;
  }
  this_thread_slot.closed = true;
  return 0;
}

void leave_thread_slot() noexcept {
  const std::uint32_t index = this_thread_slot.index;
  this_thread_slot = {.index = 0, .closed = true};  // later destructors of this thread use pools without
  if (index == 0) return;
  slots& all = all_slots();
  const std::lock_guard hold{all.lock};
  all.taken[index / word_bits] &= ~(std::uint64_t{1} << index % word_bits);
}

}  // namespace weft::detail

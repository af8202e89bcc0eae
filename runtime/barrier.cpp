#include <weft/runtime/barrier.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {

arrivals::outcome arrivals::arrive_slow(std::uint32_t n, std::uint32_t leaving) noexcept {
  const std::uint32_t state = state_.lock();
  const std::uint32_t left = state >> phase_bits;
  WEFT_ASSERT(n <= left, "more arrivals at a barrier than it expects");
  expected_ -= leaving;
  state_.unlock(state - (n << phase_bits));
  return {state & phase_mask, n == left};
}

void arrivals::complete() noexcept {
  woken_waiters woken;
  const std::uint32_t state = state_.lock();
  waiters_.wake_all(woken);
  const std::uint32_t next_phase = (state + 1) & phase_mask;
  state_.unlock(expected_ << phase_bits | next_phase);  // the barrier may be gone from here on
}

result<void> arrivals::wait_slow(std::uint32_t phase, deadline until, bool cancellable) {
  list_waiter w{cancellable};
  std::uint32_t state = state_.lock();
  if ((state & phase_mask) != phase) {
    state_.unlock(state);
    return {};
  }
  waiters_.add(w);
  state_.unlock(state);

  const wake_reason how = park(w, until, park_reason::barrier);
  if (wait_list::must_leave(w, how)) {
    state = state_.lock();
    wait_list::remove(w);
    state_.unlock(state);
  }
  if ((state & phase_mask) != phase) return {};
  return result_of(how);
}

}  // namespace weft::detail

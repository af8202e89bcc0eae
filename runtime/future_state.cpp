#include <weft/runtime/future_state.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {

void future_state::publish() noexcept {
  woken_waiters woken;
  state_.lock();
  waiters_.wake_all(woken);
  state_.unlock(ready);  // the state may be gone from here on
}

wake_reason future_state::wait_slow(deadline until, bool cancellable) noexcept {
  list_waiter w{cancellable};
  std::uint32_t seen = state_.lock();
  if (seen == ready) {
    state_.unlock(seen);
    return wake_reason::woken;
  }
  waiters_.add(w);
  state_.unlock(seen);

  const wake_reason how = park(w, until, park_reason::future);
  if (wait_list::must_leave(w, how)) {
    seen = state_.lock();
    wait_list::remove(w);
    state_.unlock(seen);
    if (seen == ready) return wake_reason::woken;
  }
  return how;
}

}  // namespace weft::detail

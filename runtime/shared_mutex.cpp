#include <weft/runtime/shared_mutex.hpp>

namespace weft {
namespace {

// How often one who may share it tries without the lock of the queue, when others come and go at the same
// time. A guess.
constexpr int tries = detail::simulated ? 2 : 16;

}  // namespace

bool shared_mutex::try_lock_slow() noexcept {
  WEFT_ASSERT(owner() != &detail::current_parker(), "a shared_mutex is locked by who holds it already");
  if (state_.peek() != 0) return false;
  const std::uint32_t state = state_.lock();
  if (state == 0) owner_.store(&detail::current_parker(), std::memory_order_relaxed);
  state_.unlock(state == 0 ? exclusive : state);
  return state == 0;
}

bool shared_mutex::try_lock_shared_slow() noexcept {
  WEFT_ASSERT(owner() != &detail::current_parker(), "a shared_mutex is locked by who holds it already");
  if (state_.peek() >= sharers_max) return false;
  const std::uint32_t state = state_.lock();
  const bool free = state < sharers_max;
  state_.unlock(free ? state + 1 : state);
  return free;
}

result<void> shared_mutex::lock_slow(deadline until, bool cancellable) noexcept {
  return wait(/*shares=*/false, until, cancellable);
}

result<void> shared_mutex::lock_shared_slow(deadline until, bool cancellable) noexcept {
  for (int i = 0; i < tries && state_.peek() < sharers_max; ++i) {
    if (share_at_once()) return {};
    detail::spin_pause();
  }
  return wait(/*shares=*/true, until, cancellable);
}

result<void> shared_mutex::wait(bool shares, deadline until, bool cancellable) noexcept {
  detail::shared_mutex_wait w{*this, shares, cancellable};
  WEFT_ASSERT(owner() != w.who, "a shared_mutex is locked by who holds it already");
  detail::woken_waiters woken;
  std::uint32_t state = state_.lock();
  WEFT_ASSERT((state & sharers) != sharers_max, "too many share a shared_mutex");
  if (shares ? state < sharers_max : state == 0) {
    if (!shares) owner_.store(w.who, std::memory_order_relaxed);
    state_.unlock(shares ? state + 1 : exclusive);
    return {};
  }
  waiters_.add(w);
  state_.unlock(state | waiting);

  const detail::wake_reason how = park(w, until, detail::park_reason::shared_mutex);
  if (detail::wait_list::must_leave(w, how)) {
    state = state_.lock();
    detail::wait_list::remove(w);
    state_.unlock(let_in(state, woken));  // those whom only we held up
  }
  return detail::result_of(how);
}

// Hands it to who may have it, in the order of arrival. Under the lock; gives the value to publish.
std::uint32_t shared_mutex::let_in(std::uint32_t state, detail::woken_waiters& woken) noexcept {
  state &= ~waiting;
  while (auto* const next = static_cast<detail::shared_mutex_wait*>(waiters_.front())) {
    if (next->shares ? state >= sharers_max : state != 0) return state | waiting;
    if (!waiters_.wake_front(woken)) continue;  // it has given up
    if (!next->shares) owner_.store(next->who, std::memory_order_relaxed);
    state = next->shares ? state + 1 : exclusive;
  }
  return state;
}

void shared_mutex::unlock_slow() noexcept {
  detail::woken_waiters woken;
  const std::uint32_t state = state_.lock();
  state_.unlock(let_in(state & ~exclusive, woken));  // the mutex may be gone from here on
}

void shared_mutex::unlock_shared_slow() noexcept {
  detail::woken_waiters woken;
  const std::uint32_t state = state_.lock();
  WEFT_ASSERT((state & sharers) != 0, "a shared_mutex is released by who does not share it");
  state_.unlock(let_in(state - 1, woken));  // the mutex may be gone from here on
}

}  // namespace weft

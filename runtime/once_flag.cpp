#include <weft/runtime/once_flag.hpp>

namespace weft::detail {

result<void> once_attempt::begin(deadline until, bool cancellable) noexcept {
  once_wait w{flag_.runner_, cancellable};
  std::uint32_t state = flag_.state_.lock();
  if (state != once_flag::running) {
    if (state == once_flag::idle) {
      ours_ = true;
      flag_.runner_.set(w.who);
      state = once_flag::running;
    }
    flag_.state_.unlock(state);
    return {};
  }
  WEFT_ASSERT(flag_.runner_.get() != w.who, "call_once() from within itself");
  flag_.waiters_.add(w);
  flag_.state_.unlock(state);

  const wake_reason how = park(w, until, park_reason::once);
  if (wait_list::must_leave(w, how)) {
    state = flag_.state_.lock();
    wait_list::remove(w);
    flag_.state_.unlock(state);
  }
  if (is_done()) return {};
  ours_ = how == wake_reason::woken;  // the one before us has thrown
  return result_of(how);
}

void once_attempt::succeed() noexcept {
  ours_ = false;
  woken_waiters woken;
  flag_.state_.lock();
  flag_.waiters_.wake_all(woken);
  flag_.state_.unlock(once_flag::done);  // the flag may be gone from here on
}

void once_attempt::fail() noexcept {
  woken_waiters woken;
  flag_.state_.lock();
  const list_waiter* const next = flag_.waiters_.wake_one(woken);
  if (next != nullptr) flag_.runner_.set(next->who);
  flag_.state_.unlock(next != nullptr ? once_flag::running : once_flag::idle);
}

}  // namespace weft::detail

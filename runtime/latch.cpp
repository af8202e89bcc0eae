#include <weft/runtime/latch.hpp>

#include <weft/runtime/park.hpp>

namespace weft {

void latch::count_down_slow(std::uint32_t n) noexcept {
  detail::woken_waiters woken;
  const std::uint32_t count = count_.lock();
  WEFT_ASSERT(n <= count, "a latch was counted down below zero");
  if (n == count) waiters_.wake_all(woken);
  count_.unlock(count - n);  // at zero the latch may be gone from here on
}

result<void> latch::wait_slow(deadline until, bool cancellable) const {
  detail::list_waiter w{cancellable};
  std::uint32_t count = count_.lock();
  if (count == 0) {
    count_.unlock(count);
    return {};
  }
  waiters_.add(w);
  count_.unlock(count);

  const detail::wake_reason how = park(w, until, detail::park_reason::latch);
  if (detail::wait_list::must_leave(w, how)) {
    count = count_.lock();
    detail::wait_list::remove(w);
    count_.unlock(count);
  }
  if (count == 0) return {};
  return detail::result_of(how);
}

}  // namespace weft

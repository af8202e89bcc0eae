#include <weft/runtime/semaphore.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {

bool permits::try_take_slow() noexcept {
  const std::uint32_t seen = count_.lock();
  const bool one = seen != 0 && seen != waited_for;
  count_.unlock(one ? seen - 1 : seen);
  return one;
}

wake_reason permits::take_slow(deadline until, bool cancellable, park_reason why) {
  list_waiter w{cancellable};
  std::uint32_t seen = count_.lock();
  if (seen != 0 && seen != waited_for) {
    count_.unlock(seen - 1);
    return wake_reason::woken;
  }
  waiters_.add(w);
  count_.unlock(waited_for);

  const wake_reason how = park(w, until, why);
  if (wait_list::must_leave(w, how)) {
    seen = count_.lock();
    wait_list::remove(w);
    count_.unlock(seen == waited_for && waiters_.empty() ? 0 : seen);
  }
  return how;
}

void permits::give_slow(std::uint32_t n, std::uint32_t most) noexcept {
  woken_waiters woken;
  std::uint32_t seen = count_.lock();
  if (seen == waited_for) {
    while (n != 0 && waiters_.wake_one(woken)) --n;
    if (!waiters_.empty()) return count_.unlock(waited_for);  // all are given
    seen = 0;
  }
  WEFT_ASSERT(n <= most - seen, "a semaphore holds more permits than its maximum");
  count_.unlock(seen + n);  // the semaphore may be gone from here on
}

}  // namespace weft::detail

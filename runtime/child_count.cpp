#include <weft/runtime/child_count.hpp>

#include <weft/runtime/join.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

wake_reason child_count::enter_slow(std::size_t most) noexcept {
  std::uint32_t seen = word_.lock();
  WEFT_ASSERT((seen & ~crowded) < count_max, "a nursery has too many children");
  if (most == 0 || seen < most) {
    word_.unlock(seen + 1);
    return wake_reason::woken;
  }
  children_wait w{of_, /*cancellable=*/true};
  spawners_.add(w);
  word_.unlock(seen | crowded);
  const wake_reason how = [&] {
    const counted_join counted;
    return park(w, deadline::never(), park_reason::nursery);
  }();
  if (!wait_list::must_leave(w, how)) return how;
  seen = word_.lock();
  wait_list::remove(w);
  word_.unlock(how == wake_reason::woken ? seen : seen + 1);  // a woken one has been counted
  return how;
}

void child_count::leave_slow(std::size_t most) noexcept {
  woken_waiters woken;
  std::uint32_t seen = word_.lock();
  const std::uint32_t live = seen & ~crowded;
  WEFT_ASSERT(live != 0, "more children have ended than were spawned");
  if (live > most && most != 0) return word_.unlock(seen - 1);         // some were let in above the limit
  if (spawners_.wake_one(woken)) return word_.unlock(live | crowded);  // who has the place from us
  if (live == 1) waiters_.wake_all(woken);
  word_.unlock(live - 1);  // at zero we may be gone from here on
}

wake_reason child_count::wait(deadline until, bool cancellable) noexcept {
  if (word_.peek() == 0) return wake_reason::woken;
  children_wait w{of_, cancellable};
  std::uint32_t seen = word_.lock();
  if (seen == 0) {
    word_.unlock(seen);
    return wake_reason::woken;
  }
  waiters_.add(w);
  word_.unlock(seen);
  const counted_join counted;
  const wake_reason how = park(w, until, park_reason::nursery);
  if (wait_list::must_leave(w, how)) {
    seen = word_.lock();
    wait_list::remove(w);
    word_.unlock(seen);
  }
  return seen == 0 ? wake_reason::woken : how;
}

}  // namespace weft::detail

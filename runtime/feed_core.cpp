#include <weft/runtime/feed_core.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {

void feed_core::close() noexcept {
  woken_waiters woken;
  const std::lock_guard hold{lock_};
  closed_ = true;
  waiters_.wake_all(woken);
}

bool feed_core::enlist(list_waiter& w, std::uint64_t seen) noexcept {
  const std::lock_guard hold{lock_};
  if (has_newer(seen)) return false;
  waiters_.add(w);
  return true;
}

bool feed_core::leave(list_waiter& w, std::uint64_t seen) noexcept {
  const std::lock_guard hold{lock_};
  wait_list::remove(w);
  return has_newer(seen);
}

result<void> feed_core::wait_newer(std::uint64_t seen, deadline until) noexcept {
  list_waiter w{/*cancellable=*/true};
  if (!enlist(w, seen)) return {};
  const wake_reason how = park(w, until, park_reason::channel_recv);
  const bool newer = wait_list::must_leave(w, how) && leave(w, seen);
  if (newer) return {};
  return result_of(how);
}

}  // namespace weft::detail

#include <weft/runtime/event.hpp>

#include <weft/runtime/park.hpp>

namespace weft {

result<void> event::wait_slow(deadline until) {
  detail::list_waiter w{/*cancellable=*/true};
  if (!enlist(w)) return {};
  const detail::wake_reason how = park(w, until, detail::park_reason::event);
  const bool opened = detail::wait_list::must_leave(w, how) && leave(w);
  if (opened) return {};
  return detail::result_of(how);
}

bool event::enlist(detail::list_waiter& w) noexcept {
  const std::uint32_t state = state_.lock();
  if (state != open) waiters_.add(w);
  state_.unlock(state);
  return state != open;
}

bool event::leave(detail::list_waiter& w) noexcept {
  const std::uint32_t state = state_.lock();
  detail::wait_list::remove(w);
  state_.unlock(state);
  return state == open;
}

void event::set() noexcept {
  if (state_.peek() == open) return;
  detail::woken_waiters woken;
  if (state_.lock() != open) waiters_.wake_all(woken);
  state_.unlock(open);  // the event may be gone from here on
}

void event::reset() noexcept {
  state_.lock();
  state_.unlock(closed);
}

}  // namespace weft

#include <weft/runtime/wait_group.hpp>

#include <weft/runtime/park.hpp>

namespace weft {

void wait_group::add(std::uint32_t n) noexcept {
  std::uint32_t count = count_.peek();
  WEFT_ASSERT(n <= count_max - count, "the count of a wait_group overflows");
  if (count_.try_change(count, count + n)) [[likely]]
    return;
  count = count_.lock();
  WEFT_ASSERT(n <= count_max - count, "the count of a wait_group overflows");
  count_.unlock(count + n);
}

void wait_group::done() noexcept {
  const std::uint32_t count = count_.peek();
  WEFT_ASSERT(count != 0, "more done() than was added to a wait_group");
  if (count == 1 || !count_.try_change(count, count - 1)) [[unlikely]]
    done_slow();
}

void wait_group::done_slow() noexcept {
  detail::woken_waiters woken;
  const std::uint32_t count = count_.lock();
  WEFT_ASSERT(count != 0, "more done() than was added to a wait_group");
  if (count == 1) waiters_.wake_all(woken);
  count_.unlock(count - 1);  // at zero the group may be gone from here on
}

bool wait_group::enlist(detail::list_waiter& w) noexcept {
  const std::uint32_t count = count_.lock();
  if (count != 0) waiters_.add(w);
  count_.unlock(count);
  return count != 0;
}

bool wait_group::leave(detail::list_waiter& w) noexcept {
  const std::uint32_t count = count_.lock();
  detail::wait_list::remove(w);
  count_.unlock(count);
  return count == 0;
}

result<void> wait_group::wait_slow(deadline until) {
  detail::list_waiter w{/*cancellable=*/true};
  if (!enlist(w)) return {};
  const detail::wake_reason how = park(w, until, detail::park_reason::wait_group);
  const bool none_left = detail::wait_list::must_leave(w, how) && leave(w);
  if (none_left) return {};
  return detail::result_of(how);
}

}  // namespace weft

#include <weft/runtime/channel_core.hpp>

#include <mutex>

#include <weft/runtime/base/errc.hpp>

namespace weft::detail {

void channel_core::close() noexcept {
  lock();
  close_and_unlock(nullptr);
}

void channel_core::close_and_unlock(parker* woken) noexcept {
  waiters fibers;
  closed_ = true;
  for (waiters* const from : {&receivers_, &senders_}) {
    while (channel_waiter* const w = claim_first(*from)) {
      if (w->who->is_fiber()) fibers.push_back(*w);
      else w->who->resume();  // it takes the lock before it goes
    }
  }
  unlock();  // the channel may be gone from here on
  if (woken != nullptr) woken->resume();
  while (channel_waiter* const w = fibers.pop_front()) w->who->resume();
}

std::size_t channel_core::size() const noexcept {
  const std::lock_guard hold{lock_};
  return count_;
}

namespace {

bool somebody_else_waits(channel_core::waiters& in, const channel_waiter& w) noexcept {
  for (const channel_waiter& other : in)
    if (other.who != w.who) return true;
  return false;
}

}  // namespace

bool channel_core::enlist_receiver(channel_waiter& w) noexcept {
  const std::lock_guard hold{lock_};
  if (count_ != 0 || closed_ || somebody_else_waits(senders_, w)) return false;
  receivers_.push_back(w);
  return true;
}

bool channel_core::enlist_sender(channel_waiter& w) noexcept {
  const std::lock_guard hold{lock_};
  if (count_ < capacity_ || closed_ || somebody_else_waits(receivers_, w)) return false;
  senders_.push_back(w);
  return true;
}

void channel_core::leave(channel_waiter& w) noexcept {
  const std::lock_guard hold{lock_};
  if (w.linked()) w.unlink();
}

std::unexpected<std::error_code> channel_core::failure_of(wake_reason how) noexcept {
  switch (how) {
    case wake_reason::canceled: return std::unexpected(make_error_code(errc::canceled));
    case wake_reason::timed_out: return std::unexpected(make_error_code(errc::deadline_exceeded));
    default: return std::unexpected(make_error_code(errc::closed));
  }
}

}  // namespace weft::detail

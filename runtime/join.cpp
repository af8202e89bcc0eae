#include <weft/runtime/join.hpp>

#include <exception>
#include <utility>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {

counted_join::counted_join() noexcept {
  if (!joins_are_counted()) return;
  limited_ = &worker::current()->owner();
  limited_->admission().join_begins();
}

counted_join::~counted_join() {
  if (limited_ != nullptr) limited_->admission().join_ends();
}

void await_end_counted(join_wait& w) noexcept {
  const counted_join counted;
  park(w, deadline::never(), park_reason::join);
}

result<void> await_end_until(fiber& f, deadline until) noexcept {
  const std::uint64_t seen = f.control.load(std::memory_order_acquire);
  if ((seen & fiber::ended) != 0) return {};
  join_wait w{f};
  if (!announce_joiner(f, seen, w, /*sole=*/false)) return {};
  const counted_join counted;
  const wake_reason how = park(w, until, park_reason::join);
  if (how == wake_reason::woken) return {};
  if ((f.control.fetch_and(~fiber::joiner_mask, std::memory_order_acq_rel) & fiber::ended) != 0) {
    while (!f.joiner_left.load(std::memory_order_acquire)) spin_pause();
    return {};
  }
  return std::unexpected(how == wake_reason::canceled ? errc::canceled : errc::deadline_exceeded);
}

void rethrow(fiber& f) {
  const std::exception_ptr what = stored<std::exception_ptr>::get(f);
  release_fiber(f);
  std::rethrow_exception(what);
}

void detach(fiber& f) noexcept {
  std::uint64_t seen = f.control.load(std::memory_order_acquire);
  while ((seen & fiber::ended) == 0)
    if (f.control.compare_exchange_weak(seen, seen | fiber::detached, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
      return;
  report_and_release(f);
}

void abandon(fiber& f) noexcept {
  request_stop(f, stop_reason::parent);
  await_end(f);
  report_and_release(f);
}

}  // namespace weft::detail

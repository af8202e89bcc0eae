#include <weft/runtime/join_set_core.hpp>

#include <utility>

#include <weft/runtime/child_count.hpp>
#include <weft/runtime/join.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

join_set_core::join_set_core() noexcept : scheduler_{spawning_worker().owner()}, until_{deadline_here()} {}

join_set_core::~join_set_core() {
  if (size_ != 0) group_.stop(stop_reason::parent);
  while (size_ != 0) report_and_release(take_shielded());
}

void join_set_core::child_ended(fiber& self) noexcept {
  std::uintptr_t seen = ended_.load(std::memory_order_relaxed);
  do {
    self.next = seen == awaited ? nullptr : reinterpret_cast<fiber*>(seen);
  } while (!ended_.compare_exchange_weak(seen, reinterpret_cast<std::uintptr_t>(&self),
                                         std::memory_order_acq_rel, std::memory_order_relaxed));
  if (seen != awaited) return;
  parker* const who = waiting_->who;
  if (waiting_->claim(wake_reason::woken)) who->resume();
}

fiber& join_set_core::take() noexcept {
  if (ready_ == nullptr && !refill()) {
    children_wait w{group_, /*cancellable=*/true};
    w.timed = false;
    wake_reason how = wake_reason::pending;
    if (fiber* const f = take(w, deadline::never(), how)) return *f;
    group_.stop(stop_reason::parent);
  }
  return take_shielded();
}

fiber* join_set_core::take(deadline until, wake_reason& how) noexcept {
  if (ready_ != nullptr || refill()) return &pop();
  children_wait w{group_, /*cancellable=*/true};
  return take(w, until, how);
}

fiber& join_set_core::take_shielded() noexcept {
  if (ready_ != nullptr || refill()) return pop();
  children_wait w{group_, /*cancellable=*/false};
  wake_reason how = wake_reason::pending;
  return *take(w, deadline::never(), how);
}

// `w` is in the caller's frame, as a child may look at it until it has ended.
fiber* join_set_core::take(children_wait& w, deadline until, wake_reason& how) noexcept {
  waiting_ = &w;
  std::uintptr_t seen = 0;
  if (ended_.compare_exchange_strong(seen, awaited, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    const counted_join counted;
    how = park(w, until, park_reason::join_set);
    seen = awaited;
    if (how != wake_reason::woken &&
        ended_.compare_exchange_strong(seen, 0, std::memory_order_relaxed, std::memory_order_relaxed))
      return nullptr;
  }
  refill();
  return &pop();
}

// Those who have ended since the last time.
bool join_set_core::refill() noexcept {
  if (ended_.load(std::memory_order_relaxed) == 0) return false;
  auto* f = reinterpret_cast<fiber*>(ended_.exchange(0, std::memory_order_acquire));
  while (f != nullptr) {
    fiber* const newer = std::exchange(ready_, f);
    f = static_cast<fiber*>(std::exchange(f->next, newer));
  }
  return true;
}

// It has pushed itself, and may still be on its way to its end, on another worker.
fiber& join_set_core::pop() noexcept {
  fiber& f = *ready_;
  await_end(f);
  ready_ = static_cast<fiber*>(f.next);
  --size_;
  return f;
}

}  // namespace weft::detail

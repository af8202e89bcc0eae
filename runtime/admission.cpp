#include <weft/runtime/admission.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {

bool admission::try_enter() noexcept {
  const std::lock_guard hold{lock_};
  if (live_ >= most_) return false;
  ++live_;
  return true;
}

void admission::enter(bool inside) noexcept {
  const fiber* const self = current_fiber();
  if (self != nullptr && self->wants_stop()) {
    const std::lock_guard hold{lock_};
    ++live_;  // above the limit, because who is to stop must not wait
    return;
  }
  entry e{/*cancellable=*/true};
  e.timed = false;  // whoever is let through above the limit is to stop: a spawn cannot fail
  parker* first = nullptr;
  {
    const std::lock_guard hold{lock_};
    if (live_ < most_ && waiting_.empty()) {
      ++live_;
      return;
    }
    if (inside) ++stuck_;
    waiting_.push_back(e);
    first = next_through();
  }
  if (first != nullptr) first->resume();
  const wake_reason how = park(e, deadline::never(), park_reason::room);
  const std::lock_guard hold{lock_};
  if (inside) --stuck_;
  if (how == wake_reason::woken) return;  // leave() or a join has counted us
  if (e.linked()) e.unlink();
  ++live_;
}

void admission::leave() noexcept {
  parker* next = nullptr;
  {
    const std::lock_guard hold{lock_};
    --live_;
    next = next_through();
  }
  if (next != nullptr) next->resume();
}

void admission::join_begins() noexcept {
  parker* next = nullptr;
  {
    const std::lock_guard hold{lock_};
    ++stuck_;
    next = next_through();
  }
  if (next != nullptr) next->resume();
}

void admission::join_ends() noexcept {
  const std::lock_guard hold{lock_};
  --stuck_;
}

std::size_t admission::live() const noexcept {
  const std::lock_guard hold{lock_};
  return live_;
}

// The oldest that may go on now, claimed and counted: there is room, or nobody else could ever make any. It
// is named by its parker, because the entry of a foreign thread goes as soon as the lock is free.
parker* admission::next_through() noexcept {
  while (entry* const e = waiting_.front()) {
    if (live_ >= most_ && stuck_ < live_) return nullptr;
    e->unlink();
    parker* const who = e->who;
    if (!e->claim(wake_reason::woken)) continue;  // it was stopped meanwhile, and lets itself through
    ++live_;
    return who;
  }
  return nullptr;
}

}  // namespace weft::detail

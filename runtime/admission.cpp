#include <weft/runtime/admission.hpp>

#include <weft/runtime/park.hpp>

namespace weft::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

bool admission::try_enter() noexcept {
  const std::lock_guard hold{lock_};
  if (live_.load(relaxed) >= most_) return false;
  live_.store(live_.load(relaxed) + 1, relaxed);
  return true;
}

void admission::enter(bool inside) noexcept {
  const fiber* const self = current_fiber();
  if (self != nullptr && self->wants_stop()) {
    const std::lock_guard hold{lock_};
    live_.store(live_.load(relaxed) + 1, relaxed);  // above the limit, because who is to stop must not wait
    return;
  }
  entry e{/*cancellable=*/true};
  e.timed = false;  // whoever is let through above the limit is to stop: a spawn cannot fail
  parker* first = nullptr;
  {
    const std::lock_guard hold{lock_};
    if (live_.load(relaxed) < most_ && waiting_.empty()) {
      live_.store(live_.load(relaxed) + 1, relaxed);
      return;
    }
    if (inside) stuck_.store(stuck_.load(relaxed) + 1, relaxed);
    waiting_.push_back(e);
    first = next_through();
  }
  if (first != nullptr) first->resume();
  const wake_reason how = park(e, deadline::never(), park_reason::room);
  const std::lock_guard hold{lock_};
  if (inside) stuck_.store(stuck_.load(relaxed) - 1, relaxed);
  if (how == wake_reason::woken) return;  // leave() or a join has counted us
  if (e.linked()) e.unlink();
  live_.store(live_.load(relaxed) + 1, relaxed);
}

void admission::leave() noexcept {
  parker* next = nullptr;
  {
    const std::lock_guard hold{lock_};
    live_.store(live_.load(relaxed) - 1, relaxed);
    next = next_through();
  }
  if (next != nullptr) next->resume();
}

void admission::join_begins() noexcept {
  parker* next = nullptr;
  {
    const std::lock_guard hold{lock_};
    stuck_.store(stuck_.load(relaxed) + 1, relaxed);
    next = next_through();
  }
  if (next != nullptr) next->resume();
}

void admission::join_ends() noexcept {
  const std::lock_guard hold{lock_};
  stuck_.store(stuck_.load(relaxed) - 1, relaxed);
}

std::size_t admission::live() const noexcept { return live_.load(relaxed); }

// The oldest that may go on now, claimed and counted: there is room, or nobody else could ever make any. It
// is named by its parker, because the entry of a foreign thread goes as soon as the lock is free.
parker* admission::next_through() noexcept {
  while (entry* const e = waiting_.front()) {
    const std::size_t live = live_.load(relaxed);
    if (live >= most_ && stuck_.load(relaxed) < live) return nullptr;
    e->unlink();
    parker* const who = e->who;
    if (!e->claim(wake_reason::woken)) continue;  // it was stopped meanwhile, and lets itself through
    live_.store(live_.load(relaxed) + 1, relaxed);
    return who;
  }
  return nullptr;
}

}  // namespace weft::detail

#include <weft/runtime/mutex.hpp>

#include <optional>

#include <weft/runtime/base/clock.hpp>

namespace weft {
namespace {

// How long to look before waiting, in pauses: some four microseconds, less than to be woken from another
// core. Each look is twice as far from the last, for it takes the line from the holder: two workers that did
// nothing but lock and unlock took 20 to 67 ns each time with 40 looks one pause apart, 21 to 33 with up to
// 32 pauses between two looks, and take 15 with 128 (EPYC; alone each takes 6).
constexpr int pauses_max = detail::simulated ? 1 : 128;

// Since when one that was woken has lost to others.
class patience {
 public:
  bool starved_by_losing() noexcept {
    const std::int64_t now = detail::steady_ns();
    if (!since_) since_ = now;
    return now - *since_ >= mutex::hand_over_after.count();
  }

 private:
  std::optional<std::int64_t> since_;
};

}  // namespace

// Takes it if it is free, whoever waits. `arrives`: the bit that goes when we have it.
bool mutex::take(word self, word arrives) noexcept {
  word seen = word_.load(std::memory_order_relaxed);
  while ((seen & owner_mask) == 0)
    if (word_.compare_exchange_weak(seen, (seen & ~arrives) | self, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return true;
  WEFT_ASSERT((seen & owner_mask) != (self & owner_mask), "a mutex is locked by who holds it already");
  return false;
}

// Looks again and again, unless others wait, or the holder cannot run before we park.
bool mutex::try_for_a_moment(word self) noexcept {
  for (int pauses = 1; pauses <= pauses_max; pauses *= 2) {
    if (take(self, 0)) return true;
    const word seen = word_.load(std::memory_order_relaxed);
    if ((seen & waiting) != 0) return false;
    if ((seen & thread) == 0 && (seen & owner_mask) != 0) {
      // A control block is type-stable: one that has ended may be asked too.
      const auto* const holder = reinterpret_cast<const detail::parker*>(seen & owner_mask);
      const detail::worker* const home =
          static_cast<const detail::fiber*>(holder)->home.load(std::memory_order_relaxed);
      if (home == detail::worker::current()) return false;
    }
    for (int i = 0; i < pauses; ++i) detail::spin_pause();
  }
  return take(self, 0);
}

// Enters the queue, at its head if we have been there. False: the mutex is free by now, and ours.
bool mutex::enter(detail::mutex_wait& w, word arrives) noexcept {
  const word self = held_by(*w.who);
  queue_.lock();
  word found = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(found,
                                      (found & ~arrives) | ((found & owner_mask) == 0 ? self : waiting),
                                      std::memory_order_acquire, std::memory_order_relaxed)) {}
  const bool waits = (found & owner_mask) != 0;
  if (waits) {
    if (arrives != 0) waiters_.add_front(w);
    else waiters_.add(w);
  }
  queue_.unlock(0);
  return waits;
}

// `waiting` may outlive the last who waits: the next release finds nobody and takes it away.
void mutex::leave(detail::mutex_wait& w) noexcept {
  queue_.lock();
  detail::wait_list::remove(w);
  queue_.unlock(0);
}

result<void> mutex::lock_slow(word self, deadline until, bool cancellable) noexcept {
  if (try_for_a_moment(self)) return {};
  patience patient;
  word arrives = 0;
  for (;;) {
    detail::mutex_wait w{*this, cancellable};
    w.starved = arrives != 0 && patient.starved_by_losing();
    if (!enter(w, arrives)) return {};

    const detail::wake_reason how = park(w, until, detail::park_reason::mutex);
    if (detail::wait_list::must_leave(w, how)) leave(w);
    if (how != detail::wake_reason::woken) return detail::result_of(how);
    if (w.starved) return {};  // it was handed over
    arrives = coming;
    if (take(self, arrives)) return {};
  }
}

void mutex::unlock_slow(word self) noexcept {
  word seen = word_.load(std::memory_order_relaxed);
  WEFT_ASSERT((seen & owner_mask) == (self & owner_mask), "a mutex is released by who does not hold it");
  while ((seen & flags) != waiting)
    if (word_.compare_exchange_weak(seen, seen & flags, std::memory_order_release, std::memory_order_relaxed))
      return;

  // Somebody waits, and nobody is on the way. While we hold both the mutex and its queue, nobody else changes
  // the word.
  detail::woken_waiters woken;
  queue_.lock();
  auto* const next = static_cast<detail::mutex_wait*>(waiters_.wake_one(woken));
  word left = waiters_.empty() ? 0 : waiting;
  if (next != nullptr) left |= next->starved ? held_by(*next->who) : coming;
  word_.store(left, std::memory_order_release);
  queue_.unlock(0);
}

}  // namespace weft

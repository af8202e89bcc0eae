// What a promise and its future share, whatever the value: whether it is there, who waits for it, and how
// many own the state.
//
// The value is filled in between begin() and publish(), by who has won begin(), and read after wait(). The
// publication is the unlock of a locked_word, and the last touch of the state: who waits for it may take the
// value and let the state go at once.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class future_state {
 public:
  future_state() = default;
  future_state(const future_state&) = delete;
  future_state& operator=(const future_state&) = delete;

  /// The right to fill it. False: somebody has it, or has had it.
  bool begin() noexcept {
    const std::uint32_t seen = state_.lock();
    state_.unlock(seen == empty ? filling : seen);
    return seen == empty;
  }

  /// Gives the right back: the value could not be made.
  void forgo() noexcept {
    state_.lock();
    state_.unlock(empty);
  }

  /// It is filled: wakes all that wait. The state may be gone when this returns.
  void publish() noexcept;

  bool is_ready() const noexcept { return state_.peek() == ready; }

  /// Waits until it is filled; says how the wait ended.
  wake_reason wait(deadline until, bool cancellable) noexcept {
    return is_ready() ? wake_reason::woken : wait_slow(until, cancellable);
  }

  /// One owner more: the future. The only owner so far only.
  void share() noexcept { owners_.store(2, std::memory_order_relaxed); }

  /// Whether somebody else owns it too. Only he can change that.
  bool shared() const noexcept { return owners_.load(std::memory_order_acquire) != 1; }

  /// One owner less. True: it was the last, and must delete it.
  bool leave() noexcept { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  static constexpr std::uint32_t empty = 0, filling = 1, ready = 2;

  wake_reason wait_slow(deadline until, bool cancellable) noexcept;

  locked_word state_{empty};
  wait_list waiters_;  // guarded by state_
  atomic<std::uint32_t> owners_{1};
};

}  // namespace weft::detail

// Who waits: a fiber or a foreign thread, and the word on which every wait is decided.
//
// Protocol. A wait is numbered. The waiter alone starts it, and anyone may end it, once:
//
//   start   word = number | pending
//   end     compare_exchange(number | pending -> number | outcome)
//
// so exactly one of wake, timeout and cancellation wins, and a claim for a wait that is over fails because
// its number is stale. Who wins must resume() the waiter; who loses must not touch it again. A claimer other
// than the waiter's own worker needs to know that the parker is still there: it claims under the lock of the
// primitive in which the waiter is linked (a waiter unlinks itself under that lock before its wait returns).
//
// The number has 30 bits: a stale claim would have to sleep through a thousand million waits to be mistaken.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

enum class wake_reason : std::uint8_t { pending, woken, timed_out, canceled };

class worker;
struct fiber;
struct thread_parker;

/// Aligned so that a word can hold its address and three bits more.
class alignas(8) parker {
 public:
  explicit parker(bool is_fiber) noexcept : is_fiber_{is_fiber} {}
  parker(const parker&) = delete;
  parker& operator=(const parker&) = delete;

  /// Makes this the parker of a fiber, in memory that may have been another's.
  void reset_for_fiber() noexcept {
    word_.store(static_cast<std::uint32_t>(wake_reason::woken), std::memory_order_relaxed);
    is_fiber_ = true;
  }

  /// Starts a wait and returns its number. The owner only; what makes it visible to claimers is the
  /// primitive's lock.
  std::uint32_t begin() noexcept {
    const std::uint32_t number = (word_.load(std::memory_order_relaxed) & ~outcome_mask) + wait_step;
    word_.store(number, std::memory_order_relaxed);
    return number;
  }

  /// Ends the wait `number` with `reason`. True: the caller has won, and must resume().
  bool claim(std::uint32_t number, wake_reason reason) noexcept {
    return word_.compare_exchange_strong(number, number | static_cast<std::uint32_t>(reason),
                                         std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  /// claim() without a locked instruction, for who is alone with the wait while he does it.
  bool claim_alone(std::uint32_t number, wake_reason reason) noexcept {
    if (word_.load(std::memory_order_relaxed) != number) return false;
    word_.store(number | static_cast<std::uint32_t>(reason), std::memory_order_relaxed);
    return true;
  }

  /// Ends the wait `number` by a wake-up, for the only one who can.
  void end(std::uint32_t number) noexcept {
    word_.store(number | static_cast<std::uint32_t>(wake_reason::woken), std::memory_order_release);
  }

  /// How the last wait ended, or `pending`.
  wake_reason outcome() const noexcept {
    return static_cast<wake_reason>(word_.load(std::memory_order_acquire) & outcome_mask);
  }

  bool is_fiber() const noexcept { return is_fiber_; }

  /// The fiber that this is the parker of, if it lives on `home`; else null.
  fiber* fiber_of(const worker& home) noexcept;

  /// Lets the waiter go on. Once per won claim, after which the waiter may be gone.
  void resume() noexcept;

  /// Blocks the calling foreign thread until its wait `number` has ended, by itself at `until`.
  wake_reason block(std::uint32_t number, deadline until) noexcept;

  /// The parker of the calling foreign thread. It outlives the thread, and is then another's: who has won
  /// the claim of a thread's wait comes to resume() when the thread, which has seen its word change, may
  /// have ended.
  static parker& of_this_thread() noexcept;

  /// An eventfd that resume() writes to, from the next wait of the calling foreign thread on: for one that
  /// sleeps in poll(2). -1: the process has no descriptor left.
  static int bell_of_this_thread() noexcept;

  /// Gives it back. At the end of a thread, by itself.
  static void leave_thread() noexcept;

 private:
  static void resume_thread(thread_parker& sleeper) noexcept;
  void resume_elsewhere() noexcept;

  static constexpr std::uint32_t outcome_mask = 3;
  static constexpr std::uint32_t wait_step = 4;

  atomic<std::uint32_t> word_{static_cast<std::uint32_t>(wake_reason::woken)};
  bool is_fiber_;
};

}  // namespace weft::detail

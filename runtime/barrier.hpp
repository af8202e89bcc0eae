// A meeting point that is used again and again: so many arrivals end a phase, the last of them runs the
// completion function, and then all who wait go on and the next phase begins. std::barrier, for fibers and
// threads mixed.
//
//   arrivals left > 1      arrive() is one compare-exchange
//   arrivals left = 1      ... and whoever made it 0 runs the completion function, alone and without a lock:
//                          nobody may arrive, and who waits still does
//   then                   it takes the lock, wakes all, and publishes the next phase with its arrivals
//
// The arrivals that are left, the number of the phase, and the lock of the waiters are one word
// (locked_word), so the barrier may be destroyed as soon as all who wait have returned. The number has ten
// bits: a wait that begins in its phase or the next would have to sleep through a thousand of them to be
// mistaken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {
namespace detail {

/// The completion function of a barrier that has none.
struct no_completion {
  void operator()() const noexcept {}
};

/// What all barriers are, whatever they call.
class arrivals {
 public:
  static constexpr unsigned phase_bits = 10;
  static constexpr std::uint32_t phase_mask = (1u << phase_bits) - 1;
  static constexpr std::uint32_t count_max = locked_word::value_max >> phase_bits;

  /// What an arrival was: in which phase, and whether the phase waits for complete() now.
  struct outcome {
    std::uint32_t phase;
    bool last;
  };

  explicit arrivals(std::uint32_t expected) noexcept : state_{expected << phase_bits}, expected_{expected} {}
  arrivals(const arrivals&) = delete;
  arrivals& operator=(const arrivals&) = delete;
  ~arrivals() { WEFT_ASSERT(waiters_.empty(), "a barrier was destroyed while somebody waits for it"); }

  outcome arrive(std::uint32_t n) noexcept {
    const std::uint32_t seen = state_.peek();
    const std::uint32_t left = seen >> phase_bits;
    if (n > left || !state_.try_change(seen, seen - (n << phase_bits))) [[unlikely]]
      return arrive_slow(n, /*leaving=*/0);
    return {seen & phase_mask, n == left};
  }

  /// Arrives once, and is expected no more.
  outcome drop() noexcept { return arrive_slow(1, /*leaving=*/1); }

  /// Ends the phase.
  void complete() noexcept;

  bool over(std::uint32_t phase) const noexcept { return (state_.peek() & phase_mask) != phase; }

  /// Waits for the end of `phase`.
  result<void> wait_slow(std::uint32_t phase, deadline until, bool cancellable);

 private:
  outcome arrive_slow(std::uint32_t n, std::uint32_t leaving) noexcept;

  locked_word state_;       // arrivals that are left, and in the low bits the phase
  std::uint32_t expected_;  // arrivals of the next phase; guarded by state_
  wait_list waiters_;       // guarded by state_; all of the present phase
};

}  // namespace detail

/// `Completion` is called without arguments and must not throw. It may wait, but not for this barrier.
template <class Completion = detail::no_completion>
class barrier {
  static_assert(std::is_nothrow_invocable_v<Completion&>, "a completion function is noexcept");

 public:
  /// Tells of an arrival, and in which phase it was. For one wait(), in that phase or the next.
  class arrival_token {
   public:
    arrival_token(arrival_token&& from) noexcept : phase_{std::exchange(from.phase_, used)} {}
    arrival_token& operator=(arrival_token&& from) noexcept {
      phase_ = std::exchange(from.phase_, used);
      return *this;
    }

   private:
    friend class barrier;
    static constexpr std::uint32_t used = detail::arrivals::phase_mask + 1;

    explicit arrival_token(std::uint32_t phase) noexcept : phase_{phase} {}

    std::uint32_t phase_;
  };

  /// The largest number of arrivals.
  static constexpr std::ptrdiff_t max() noexcept { return detail::arrivals::count_max; }

  /// A phase ends after `expected` arrivals: 0 to max().
  explicit barrier(std::ptrdiff_t expected, Completion completion = Completion())
      : arrivals_{checked(expected)}, completion_(std::move(completion)) {}
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Arrives `n` times, 1 to what the phase still expects: more is an assertion. The last one of the phase
  /// runs the completion function first.
  ///
  /// Safe from  any fiber or thread; memory written before an arrival is visible to the completion function,
  ///            and to who waits for the phase.
  /// Cost       one atomic operation; for the last one, three and one resumption per waiter.
  [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) {
    WEFT_ASSERT(n > 0, "an arrival of nobody at a barrier");
    return arrival_token{settle(arrivals_.arrive(checked(n)))};
  }

  /// Returns once the phase of the arrival is over.
  ///
  /// Blocks     the calling fiber or thread; not a cancellation point.
  /// Safe from  any fiber or thread.
  void wait(arrival_token&& arrival) const {
    const std::uint32_t phase = phase_of(arrival);
    arrival.phase_ = arrival_token::used;
    if (!arrivals_.over(phase)) arrivals_.wait_slow(phase, deadline::never(), /*cancellable=*/false);
  }

  /// Returns once the phase of the arrival is over, or gives up: the arrival still counts, and its token can
  /// be waited for again.
  ///
  /// Blocks     the calling fiber or thread, until then or `until`.
  /// Errors     deadline_exceeded, canceled. Never fails if the phase is over.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<void> wait(const arrival_token& arrival, deadline until) const {
    const std::uint32_t phase = phase_of(arrival);
    if (arrivals_.over(phase)) return {};
    return arrivals_.wait_slow(phase, until, /*cancellable=*/true);
  }

  /// wait(arrive()).
  void arrive_and_wait() { wait(arrive()); }

  /// wait(arrive(), until): the arrival counts, however the wait ends. Who gives up has arrived in this phase
  /// and must not do so once more; arrive() and wait(token, until) can find out when it is over.
  [[nodiscard]] result<void> arrive_and_wait(deadline until) { return wait(arrive(), until); }

  /// Arrives, and is not expected any more: the phases that follow need one arrival less.
  ///
  /// Safe from  any fiber or thread.
  void arrive_and_drop() { settle(arrivals_.drop()); }

 private:
  static std::uint32_t checked(std::ptrdiff_t n) noexcept {
    WEFT_ASSERT(n >= 0, "a negative number of arrivals");
    WEFT_ASSERT(n <= max(), "more arrivals at a barrier than its maximum");
    return static_cast<std::uint32_t>(n);
  }

  static std::uint32_t phase_of(const arrival_token& arrival) noexcept {
    WEFT_ASSERT(arrival.phase_ != arrival_token::used, "an arrival at a barrier was waited for twice");
    return arrival.phase_;
  }

  std::uint32_t settle(detail::arrivals::outcome arrival) {
    if (arrival.last) {
      completion_();
      arrivals_.complete();
    }
    return arrival.phase;
  }

  // std's wait() is const: it changes who waits, not the phase.
  mutable detail::arrivals arrivals_;
  [[no_unique_address]] Completion completion_;
};

}  // namespace weft

// Timers of one worker: insert and cancel in O(1), a million of them, 32 bytes each in the frame of who
// waits.
//
// Eight levels of 64 slots. A slot of level L spans 64^L ticks of 2^16 ns (65.5 us); a timer lies on the
// level of the highest group of six bits in which its tick differs from the current one. So all timers of a
// level come before all those of the next, a jump of the clock empties whole slots and spreads at most one
// (advance), and eight levels reach every std::int64_t.
//
// Invariants, with "current" the slot that the current tick falls into: on level 0 the occupied slots are the
// current one and later ones, on the levels above only later ones; a bit of occupied_ is set if and only if
// its slot holds a timer.
//
// Time is read to the nanosecond, never early: advance() compares each `at` itself. Only next() rounds, up to
// the end of a tick, so that a sleeping worker wakes once for all that falls into it.
//
// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 7.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/metrics/counter.hpp>

namespace weft::detail {

class timer_wheel;

/// The links of a timer in its slot: a ring through the slot itself.
struct timer_link {
  timer_link* next = nullptr;
  timer_link* previous = nullptr;
};

/// One moment at which a function is called. Lies in the frame of who waits, and must not die while armed.
struct timer : private timer_link {
  /// Runs inside advance(), the timer no longer armed: it may free the timer, and insert and cancel any.
  using expiry = void (*)(timer& self) noexcept;

  timer() = default;
  explicit timer(expiry on_expiry) noexcept : expire{on_expiry} {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  ~timer() { WEFT_DEBUG_ASSERT(!armed(), "a timer died while armed"); }

  bool armed() const noexcept { return next != nullptr; }

  std::int64_t at = 0;  // ns of the steady clock; insert() sets it
  expiry expire = nullptr;

 private:
  friend class timer_wheel;
};
static_assert(sizeof(timer) == 32, "two to a cache line");

class timer_wheel {
 public:
  /// `now`, here and below: ns of the steady clock.
  explicit timer_wheel(std::int64_t now) noexcept;
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel() { WEFT_DEBUG_ASSERT(empty(), "a timer wheel died with timers in it"); }

  /// Arms `t`, which is not armed, for `at`; if that has passed, the next advance() calls it.
  ///
  /// Cost  3 ns; 7 while a million come in random order.
  void insert(timer& t, std::int64_t at) noexcept {
    WEFT_DEBUG_ASSERT(!t.armed(), "inserted a timer that is armed");
    t.at = at;
    // Only within the current tick can `at` lie before it; a later advance() spreads all other slots first.
    check_at_ = std::min(check_at_, at);
    ++size_;
    place(t);
  }

  /// Disarms `t`: its function will not be called. No effect if it is not armed.
  ///
  /// Cost  3 ns; 21 with a million in random order, which is the cache misses of its two neighbours.
  void cancel(timer& t) noexcept {
    if (!t.armed()) return;
    --size_;
    unlink(t);
  }

  /// Calls expire() of all that have `at` <= now when it begins, and of no other, in no particular order.
  /// What an expiry function cancels is not called; what it inserts waits for the next advance(), even if it
  /// is due.
  ///
  /// Cost  one compare while nothing can be due; else in proportion to the timers called, and to those moved
  ///       to a lower level, seven times each at most, however far the clock has jumped.
  void advance(std::int64_t now) noexcept {
    now_ = now;
    if (now < check_at_) [[likely]]
      return;
    advance_slow(now);
  }

  /// When advance() should next be called: at once if a timer was due when it was inserted, else at the end
  /// of the tick in which the first one is due, or earlier if timers must move to a lower level first. The
  /// highest std::int64_t if empty.
  std::int64_t next() const noexcept;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// How many have been called. Any thread may ask.
  std::uint64_t expired() const noexcept { return expired_; }

  static constexpr unsigned tick_bits = 16;  // 65.5 us: sleeps are no more exact anyway (timer slack is 50)
  static constexpr unsigned slot_bits = 6;   // a level's occupied slots fit in one word
  static constexpr unsigned slots = 1u << slot_bits;
  static constexpr unsigned levels = 8;  // 8 * 6 + 16 = 64 bits: no horizon

 private:
  /// The ring of the timers that advance() is about to call: as it were slot 0 of one more level.
  static constexpr unsigned due = levels * slots;

  static unsigned level_of(std::int64_t tick, std::int64_t current) noexcept {
    const auto differ = static_cast<std::uint64_t>(tick ^ current);
    return (63 - static_cast<unsigned>(std::countl_zero(differ | 1))) / slot_bits;
  }
  static unsigned slot_of(std::int64_t tick, unsigned level) noexcept {
    return static_cast<unsigned>(tick >> (slot_bits * level)) & (slots - 1);
  }
  /// The first nanosecond after `tick`; the last tick of all ends early.
  static std::int64_t end_of(std::int64_t tick) noexcept {
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    return tick < last >> tick_bits ? (tick + 1) << tick_bits : last;
  }

  /// Links `t` into the slot of its `at`, or into the current slot if it has passed.
  void place(timer& t) noexcept {
    const std::int64_t tick = std::max(t.at >> tick_bits, tick_);
    const unsigned level = level_of(tick, tick_);
    const unsigned slot = slot_of(tick, level);
    occupied_[level] |= std::uint64_t{1} << slot;
    timer_link& ring = rings_[level * slots + slot];
    t.next = &ring;
    t.previous = ring.previous;
    ring.previous->next = &t;
    ring.previous = &t;
  }

  void unlink(timer& t) noexcept {
    timer_link* const after = t.next;
    timer_link* const before = t.previous;
    before->next = after;
    after->previous = before;
    t.next = nullptr;
    if (after == before) {  // both are the slot: it is empty now
      const auto ring = static_cast<unsigned>(after - rings_.data());
      occupied_[ring / slots] &= ~(std::uint64_t{1} << ring % slots);
    }
  }

  void advance_slow(std::int64_t now) noexcept;
  void move_on(std::int64_t tick) noexcept;
  void spread(unsigned level, unsigned slot) noexcept;
  void collect(unsigned level, std::uint64_t which) noexcept;
  void sift(std::int64_t now) noexcept;
  void call() noexcept;

  std::int64_t now_;       // of the last advance()
  std::int64_t tick_;      // the current tick: of now_, unless the clock stepped back
  std::int64_t check_at_;  // no `at` in the current slot, nor the end of the tick, is earlier
  std::size_t size_ = 0;
  counter expired_;
  std::array<std::uint64_t, levels + 1> occupied_{};
  std::array<timer_link, levels * slots + 1> rings_;
};

}  // namespace weft::detail

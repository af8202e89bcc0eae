// What a worker may run: four levels, each a FIFO of started fibers and a ring of unstarted ones, which
// others may steal (where nobody can, the unstarted are in the FIFO too); a bitmap finds the highest.
//
// A fiber that is alone, the only one ready, is in none of them: two who wake each other touch no list.
//
// A sequence number keeps arrival order across the two queues of a level. Everything but the rings belongs to
// the worker alone. Nothing is ever dropped: what does not fit a ring waits in a list and moves up between
// batches.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/unstarted_ring.hpp>

namespace weft::detail {

/// How many fibers a worker runs between two looks at its inbox, its timers and its ring, if `ready` are
/// ready.
constexpr unsigned batch_size(std::size_t ready) noexcept {
  if (ready < 100) return 16;
  if (ready < 500) return 32;
  if (ready < 1000) return 64;
  return 128;
}

class run_queue {
 public:
  static constexpr unsigned levels = 4;

  /// `shared`: other workers may steal().
  explicit run_queue(bool shared) noexcept : shared_{shared} {}

  /// Adds a fiber that stays on this worker: a started one, or one that was pinned.
  WEFT_ALWAYS_INLINE void push(fiber& f) noexcept {
    if (ready_ == 0) {
      ready_ = alone;
      only_ = &f;
    } else {
      append(f);
    }
  }

  /// Adds a fiber that has not started; others may steal it, if there are others.
  WEFT_ALWAYS_INLINE void push_unstarted(fiber& f) noexcept {
    if (shared_) offer(f);
    else push(f);
  }

  /// Puts `f` at the end of its level and takes the first of it, if no other level or queue has anything: the
  /// yield of a worker with nothing but started fibers of one level. Null: not so simple, or nobody else is
  /// ready.
  WEFT_ALWAYS_INLINE fiber* exchange(fiber& f) noexcept {
    if (ready_ == alone) {
      fiber* const next = only_;
      if (next->where.sp == nullptr || next->level != f.level) [[unlikely]]
        return nullptr;
      only_ = &f;
      return next;
    }
    if (ready_ != 1u << f.level) return nullptr;
    list& l = lists_[f.level];
    fiber* const next = l.head;
    if (next->where.sp == nullptr) [[unlikely]]
      return nullptr;  // a pinned one that has no stack yet
    f.next = nullptr;
    f.order = order_++;
    l.tail->next = &f;
    l.tail = &f;
    l.head = static_cast<fiber*>(next->next);
    prefetch(l.head);
    return next;
  }

  /// The next fiber to run: the oldest of the highest level that has any. Null: none is ready.
  WEFT_ALWAYS_INLINE fiber* pop() noexcept {
    if (ready_ == alone) {
      ready_ = 0;
      return only_;
    }
    if (ready_ != 0 && ready_ < 16 && (ready_ & (ready_ - 1)) == 0) [[likely]]
      return pop_started(static_cast<unsigned>(std::countr_zero(ready_)));
    return pop_slow();
  }

  /// The oldest of a level below the highest, of each such level in turn; null: there is only one level.
  /// Keeps low levels alive: once per batch.
  fiber* pop_lower() noexcept { return std::has_single_bit(ready_) ? nullptr : pop_lower_slow(); }

  /// Takes unstarted fibers of `victim`, highest level first. Any thread.
  static std::uint32_t steal(run_queue& victim, fiber** out, std::uint32_t most) noexcept {
    for (unsigned level = levels; level-- > 0;)
      if (const std::uint32_t n = victim.rings_[level].steal(out, most)) return n;
    return 0;
  }

  /// How many fibers steal() could find now. Any thread.
  static std::uint32_t stealable(const run_queue& victim) noexcept {
    std::uint32_t n = 0;
    for (const unstarted_ring& r : victim.rings_) n += r.size();
    return n;
  }

  /// Moves what waits for room in the rings into them.
  void refill() noexcept {
    if (overflow_count_ != 0) [[unlikely]]
      refill_slow();
  }

  bool shared() const noexcept { return shared_; }

  bool empty() const noexcept { return ready_ == 0; }

  /// How many are ready, the unstarted included (an estimate while others steal).
  std::size_t size() const noexcept { return count_ + (ready_ == alone ? 1 : unstarted()); }

  /// How many could be stolen.
  std::size_t unstarted() const noexcept {
    if ((ready_ & 0xf0) == 0) return 0;
    std::size_t n = overflow_count_;
    for (const unstarted_ring& r : rings_) n += r.size();
    return n;
  }

 private:
  struct list {
    fiber* head = nullptr;
    // Apart, for g++ would join two stores side by side into one, by way of a vector register: 4 cycles more
    // from one yield to the next.
    alignas(16) fiber* tail = nullptr;
  };

  // The one after next: its control block now, and the stack of the next, whose control block was fetched a
  // turn ago. Measured at 100,000 fibers: 46 ns per yield without, 37 with (PEERS.md section 1).
  WEFT_ALWAYS_INLINE static void prefetch(const fiber* next) noexcept {
    if (next == nullptr) return;
    __builtin_prefetch(next->where.sp, 1);
    __builtin_prefetch(next->next, 1);
  }

  WEFT_ALWAYS_INLINE fiber* pop_started(unsigned level) noexcept {
    list& l = lists_[level];
    fiber* const f = l.head;
    l.head = static_cast<fiber*>(f->next);
    if (l.head == nullptr) ready_ &= ~(1u << level);
    else prefetch(l.head);
    --count_;
    return f;
  }

  void append(fiber& f) noexcept;
  void leave_alone() noexcept;
  void offer(fiber& f) noexcept;
  fiber* pop_lower_slow() noexcept;
  fiber* pop_slow() noexcept;
  fiber* pop_level(unsigned level) noexcept;
  void refill_slow() noexcept;

  std::uint32_t lower_turn_ = 1;  // the bit of the level that pop_lower() chose last
  // Bit l: lists_[l] has fibers; bit 4 + l: rings_[l] or overflow_[l] may have some. Or `alone`: only_ is
  // ready.
  std::uint32_t ready_ = 0;
  static constexpr std::uint32_t alone = 1u << 8;
  fiber* only_ = nullptr;
  bool shared_;
  std::uint64_t order_ = 0;
  std::size_t count_ = 0;           // in lists_
  std::size_t overflow_count_ = 0;  // in overflow_
  list lists_[levels];
  list overflow_[levels];
  unstarted_ring rings_[levels];
};

}  // namespace weft::detail

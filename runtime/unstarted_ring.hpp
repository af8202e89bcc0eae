// The fibers that have not started, 256 of them: the owner adds at the tail, and owner and thieves take from
// the head.
//
// The head is moved by compare-exchange only, so a worker that is stuck can still be robbed. A taker reads
// the entries first and then moves the head over them; if the move succeeds, nobody took or overwrote them
// meanwhile, because the owner reuses a slot only after the head has passed it. The idea is that of Go's
// runtime/proc.go, runqgrab.
#pragma once

#include <algorithm>
#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/fiber.hpp>

namespace weft::detail {

class unstarted_ring {
 public:
  static constexpr std::uint32_t capacity = 256;

  /// Adds at the tail. False: full. The owner only.
  bool push(fiber& f) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) [[unlikely]]
      return false;
    slot& s = slots_[tail % capacity];
    s.entry.store(&f, std::memory_order_relaxed);
    s.order.store(f.order, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Takes the oldest, if its order is below `before`. Null: none, or younger. The owner only.
  fiber* pop(std::uint64_t before) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
      const slot& s = slots_[head % capacity];
      if (s.order.load(std::memory_order_relaxed) > before) return nullptr;
      fiber* const f = s.entry.load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire))
        return f;
    }
  }

  /// Takes up to half of what is there, at most `most`, oldest first, into `out`. Any thread.
  std::uint32_t steal(fiber** out, std::uint32_t most) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t there = tail_.load(std::memory_order_acquire) - head;
      if (there == 0 || there > capacity) return 0;  // empty; or head is old: someone else is at it
      const std::uint32_t count = std::min(most, there - there / 2);
      for (std::uint32_t i = 0; i < count; ++i)
        out[i] = slots_[(head + i) % capacity].entry.load(std::memory_order_relaxed);
      if (head_.compare_exchange_strong(head, head + count, std::memory_order_acq_rel,
                                        std::memory_order_acquire))
        return count;
    }
  }

  /// How many are there; exact for the owner while nobody steals.
  std::uint32_t size() const noexcept {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }

 private:
  struct slot {
    atomic<fiber*> entry{nullptr};
    atomic<std::uint64_t> order{0};
  };

  alignas(cache_line) atomic<std::uint32_t> head_{0};
  alignas(cache_line) atomic<std::uint32_t> tail_{0};
  slot slots_[capacity];
};

}  // namespace weft::detail

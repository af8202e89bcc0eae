// A thread's own free blocks of one pool, which others may take from it if they must.
//
// The owner pays for that with two plain stores: it says that it is busy, looks whether the pool is closed,
// takes or gives, and says that it is done. Who wants what is in the cache closes the pool, waits until the
// owner is not busy, and then has the cache to itself until the pool opens again. The store of busy_ and the
// load of `closed` must not pass each other; the owner's half of that fence is free (asymmetric_fence.hpp),
// and closing is rare: at the limit, and to shrink.
//
// Source of the idea: biased locks; Dice, Moir, Scherer, "Quickly Reacquirable Locks", 2003.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

class alignas(cache_line) block_cache {
 public:
  static constexpr std::uint32_t batch_max = 64;

  /// Exchanges `batch` blocks with the pool, and holds twice as many: batch_max at most.
  explicit block_cache(std::uint32_t batch) noexcept : capacity_{2 * batch} {}
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;

  // --- the owner, without the pool's lock

  /// The block that was given last; null if there is none, or the pool is closed.
  WEFT_ALWAYS_INLINE void* take(const atomic<bool>& closed) noexcept {
    void* block = nullptr;
    begin();
    if (!closed.load(std::memory_order_acquire)) [[likely]] {
      const std::uint32_t n = count_.load(std::memory_order_relaxed);
      if (n != 0) [[likely]] {
        block = blocks_[n - 1];
        count_.store(n - 1, std::memory_order_relaxed);
        takes_.store(takes_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      }
    }
    end();
    return block;
  }

  /// False if it is full, or the pool is closed.
  WEFT_ALWAYS_INLINE bool give(void* block, const atomic<bool>& closed) noexcept {
    bool given = false;
    begin();
    if (!closed.load(std::memory_order_acquire)) [[likely]] {
      const std::uint32_t n = count_.load(std::memory_order_relaxed);
      if (n != capacity_) [[likely]] {
        blocks_[n] = block;
        count_.store(n + 1, std::memory_order_relaxed);
        given = true;
      }
    }
    end();
    return given;
  }

  // --- under the pool's lock: the owner while the pool is open, anyone while it is closed and await_idle()
  // has returned

  /// Returns when the owner is at neither of the above; nor does it begin, as long as the pool is closed.
  void await_idle() noexcept {
    constexpr unsigned spins_max = 100;             // some microseconds; a guess
    constexpr std::chrono::microseconds slice{50};  // what the kernel's timers are late by anyway
    for (unsigned spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins) {
      if (spins < spins_max) spin_pause();
      else futex_wait(busy_, 1, deadline{slice});  // never woken: it only lets the processor go
    }
  }

  std::uint32_t capacity() const noexcept { return capacity_; }

  /// There must be room for one.
  void put(void* block) noexcept {
    const std::uint32_t n = count_.load(std::memory_order_relaxed);
    blocks_[n] = block;
    count_.store(n + 1, std::memory_order_relaxed);
  }

  /// There must be one.
  void* take_newest() noexcept {
    const std::uint32_t n = count_.load(std::memory_order_relaxed);
    count_.store(n - 1, std::memory_order_relaxed);
    return blocks_[n - 1];
  }

  /// Where an empty cache may be filled, with as many as it holds; filled() then says how many these are, and
  /// the first of them is the first to be taken.
  void** room() noexcept { return blocks_.data(); }
  void filled(std::uint32_t count) noexcept {
    std::reverse(blocks_.begin(), blocks_.begin() + count);
    count_.store(count, std::memory_order_relaxed);
  }

  /// The blocks that were given longest ago first. Who has done something with some of them drops these.
  void* const* oldest() const noexcept { return blocks_.data(); }
  void drop_oldest(std::uint32_t count) noexcept {
    const std::uint32_t n = count_.load(std::memory_order_relaxed);
    std::copy(blocks_.begin() + count, blocks_.begin() + n, blocks_.begin());
    count_.store(n - count, std::memory_order_relaxed);
  }

  // --- anyone

  std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  std::uint64_t takes() const noexcept { return takes_.load(std::memory_order_relaxed); }

 private:
  WEFT_ALWAYS_INLINE void begin() noexcept {
    busy_.store(1, std::memory_order_relaxed);
    light_fence();
  }
  WEFT_ALWAYS_INLINE void end() noexcept { busy_.store(0, std::memory_order_release); }

  atomic<std::uint32_t> busy_{0};
  atomic<std::uint32_t> count_{0};
  const std::uint32_t capacity_;
  atomic<std::uint64_t> takes_{0};  // that take() answered
  std::array<void*, 2 * batch_max> blocks_;
};

}  // namespace weft::detail

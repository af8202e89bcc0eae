// Blocks of one size with a hard limit: a slab depot, and a cache per thread.
//
// Open, threads take and give at their caches, which exchange batches with the depot under the lock. When a
// take finds the limit reached, the store closes: it empties the caches of all threads, and every take and
// give goes through the lock, so that exactly `limit` blocks can be in use, and who waits for one cannot miss
// it. It opens again when a quarter is free. A checked store is never open: the depot knows of every block
// whether it is out, so that a block that is given twice, or to the wrong pool, is an assertion at once, and
// free blocks are poisoned.
//
// What waits is no matter of this class (bounded_blocks): members that end in _locked need lock().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/pools/block_cache.hpp>
#include <weft/pools/pool_lock.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/pools/slab.hpp>
#include <weft/pools/thread_slot.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

struct block_store_options {
  std::size_t block_bytes = 0;  // as slab_depot has them
  std::size_t floor = 0;        // keeps memory for so many at least
  std::size_t limit = 0;
  bool checked = false;
};

class block_store {
 public:
  explicit block_store(const block_store_options& options) noexcept;
  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;
  /// All blocks must be back.
  ~block_store();

  std::size_t block_bytes() const noexcept { return depot_.block_bytes(); }
  std::size_t limit() const noexcept { return limit_; }

  // --- the fast way: no lock, no locked instruction

  /// A block of the thread's own cache; null: take_locked() may have one.
  WEFT_ALWAYS_INLINE void* take_cached() noexcept {
    block_cache* const own = caches_[this_thread_slot.index].load(std::memory_order_relaxed);
    return own != nullptr ? own->take(closed_) : nullptr;
  }

  /// False: give_locked() is the way.
  WEFT_ALWAYS_INLINE bool give_cached(void* block) noexcept {
    block_cache* const own = caches_[this_thread_slot.index].load(std::memory_order_relaxed);
    return own != nullptr && own->give(block, closed_);
  }

  // --- the slow way

  pool_lock& lock() noexcept { return lock_; }

  /// Takes `count` blocks, or none.
  bool take_locked(void** out, std::size_t count) noexcept;

  /// Takes them back, as if nothing had been taken. Of a closed store.
  void untake_locked(void* const* blocks, std::size_t count) noexcept;

  /// How many take_locked() could give. For a closed store: exactly what the limit leaves.
  std::size_t room_locked() const noexcept { return limit_ - out_; }

  /// Takes one back. True: the store is closed, so somebody may have waited for it.
  bool give_locked(void* block) noexcept;

  /// Opens it if a quarter is free. For who knows that nobody waits.
  void open_if_plenty_locked() noexcept;

  void count_refused_locked() noexcept { ++refused_; }

  // --- care

  /// Makes memory ready for `count` blocks besides those in use, as far as the limit allows, and keeps it
  /// until the store shrinks.
  void warm_up(std::size_t count) noexcept;

  /// Keeps memory for so many at least, from now on; 0: for as many as the options say. Of a store that keeps
  /// its limit, no more different blocks than that are ever out. Blocks until a trim() that is under way has
  /// ended.
  void keep(std::size_t count) noexcept;

  /// Shrinks, if less than 30 % is in use, and frees the pages beyond, until `until`. True: it did not get to
  /// the end.
  bool trim(deadline until) noexcept;

  pool_stats stats() noexcept;

 private:
  std::size_t take_out(void** out, std::size_t count) noexcept;
  void put_back(void* const* blocks, std::size_t count) noexcept;
  std::size_t refill(void** out) noexcept;
  block_cache* own_cache() noexcept;
  std::size_t cached() const noexcept;
  std::uint64_t cache_takes() const noexcept;
  void empty_caches() noexcept;
  void grow() noexcept;
  std::size_t in_use() const noexcept;

  slab_depot depot_;
  const std::size_t floor_of_options_;
  const std::size_t limit_;
  const std::uint32_t batch_;
  const bool checked_;
  alignas(cache_line) atomic<bool> closed_;                  // written under the lock
  std::array<atomic<block_cache*>, thread_slots> caches_{};  // made under the lock, and never taken back

  pool_lock trim_lock_;  // held by who trims; before the next one
  pool_lock lock_;       // guards the rest, and the caches of a closed store
  std::uint32_t slots_used_ = 1;
  std::size_t floor_;
  std::size_t out_ = 0;  // blocks in use or in a cache
  std::size_t capacity_;
  std::size_t high_water_ = 0;
  std::uint64_t slow_takes_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace weft::detail

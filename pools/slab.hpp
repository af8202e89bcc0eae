// Blocks of one size, dense in memory and at stable addresses: the control blocks of fibers, and what
// block_pool gives out.
//
// Memory is type-stable: what was a block once stays mapped, and a block for ever, as long as the depot
// lives; whoever holds a stale pointer may look at it and find that it is something else now. trim() only
// takes the pages away, so a free block reads as its last user left it, or as zero; a user who marks a block
// as free writes zero there.
//
// Blocks come from regions of 64 MiB of address space, aligned to their size, so that a block finds its
// region by masking, and a million blocks are four VMAs. A region is cut into slabs of 64 blocks (fewer large
// ones: a slab has at most 256 KiB, or one block): one word of free bits each. The first free block goes out
// first, so that use stays dense and slabs fall empty. As with stacks, threads exchange batches with the
// depot, and nothing about a free block is kept in the block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <weft/pools/pool_lock.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

class slab_cache;
struct slab_region;

/// All blocks of one size that no cache holds. Usually process-wide: process_slabs().
class slab_depot {
 public:
  /// Free blocks that keep their pages through trim(), about.
  static constexpr std::size_t default_warm = 1024;
  static constexpr std::size_t block_bytes_max = 1 * mib;

  /// For blocks of `block_bytes`, aligned to 64: a multiple of 64 up to 4096, or a power of two up to
  /// block_bytes_max, which is then the alignment too.
  explicit slab_depot(std::size_t block_bytes, std::size_t warm = default_warm) noexcept;
  slab_depot(const slab_depot&) = delete;
  slab_depot& operator=(const slab_depot&) = delete;
  /// All caches must be gone, and all blocks back.
  ~slab_depot();

  /// Takes a block back that a cache gave out. Safe from any thread. Cost: a lock; slab_cache::give() is the
  /// fast way.
  void give(void* block) noexcept { give(&block, 1); }

  /// Frees the pages of slabs in which no block is out, but for the warm ones, until `until`. True: it did
  /// not get to the end.
  ///
  /// Safe from  any thread; the lock is not held while the kernel works.
  bool trim(deadline until = deadline::never()) noexcept;

  /// From now on trim() keeps so many. Safe from any thread.
  void keep_warm(std::size_t blocks) noexcept { warm_.store(blocks, std::memory_order_relaxed); }
  /// So many more than now, and back again.
  void keep_more_warm(std::size_t blocks) noexcept { warm_.fetch_add(blocks, std::memory_order_relaxed); }
  void keep_less_warm(std::size_t blocks) noexcept { warm_.fetch_sub(blocks, std::memory_order_relaxed); }
  std::size_t warm() const noexcept { return warm_.load(std::memory_order_relaxed); }

  /// Calls f(void* block) for every block that is in use, and for some that are free: those in a cache.
  /// Blocks neither come from the depot nor go to it meanwhile, nor are pages freed, so f may not take, give
  /// or trim.
  ///
  /// Safe from  any thread; what f may read of a block that is in use is between f and its user.
  template <class F>
  void for_each(F f) {
    const std::lock_guard hold{lock_};
    visit([](void* block, void* context) { (*static_cast<F*>(context))(block); }, &f);
  }

  struct census {
    std::size_t in_use = 0;      // taken and not given back
    std::size_t free = 0;        // carved, and not in use
    std::size_t paged = 0;       // in use or free, in slabs that may have pages
    std::size_t mapped = 0;      // bytes of address space
    std::size_t high_water = 0;  // the most that were in use or in caches
    std::uint64_t batches = 0;   // times that blocks were taken from the depot
    std::uint64_t refused = 0;   // of these, the ones that got nothing
  };
  /// A count while others go on is right for some moment in between, per cache.
  census count() noexcept;

  std::size_t block_bytes() const noexcept { return block_bytes_; }

  /// Where a debugger finds the blocks, in bytes from the beginning of a depot, or of a region.
  struct layout {
    std::size_t first_region, slab_blocks;                          // of a depot
    std::size_t next_region, slab_bytes, first_slab, carved_slabs;  // of a region
  };
  static layout layout_for_debuggers() noexcept;

  /// Takes between one and `max` blocks, or 0: the kernel has no memory. Safe from any thread. Cost: a lock.
  std::size_t take(void** out, std::size_t max) noexcept;

  /// Takes blocks back. Safe from any thread. Cost: a lock for all of them.
  void give(void* const* blocks, std::size_t count) noexcept;

 private:
  friend class slab_cache;

  void visit(void (*f)(void* block, void* context), void* context) noexcept;
  std::size_t take_some(void** out, std::size_t max) noexcept;
  std::size_t take_from(slab_region& region, void** out, std::size_t max) noexcept;
  bool trim_slice() noexcept;

  const std::size_t block_bytes_;
  const std::size_t slab_blocks_;
  const std::uint64_t all_free_;  // the free bits of a slab of which nothing is out
  atomic<std::size_t> warm_;
  atomic<std::size_t> dirty_{
      0};  // blocks of slabs with nothing out and perhaps with pages; written under lock_

  pool_lock lock_;  // guards the rest, and the regions
  slab_region* first_ = nullptr;
  slab_region* last_ = nullptr;
  intrusive_list<slab_cache> caches_;
  std::size_t out_ = 0;  // blocks in use or in caches
  std::size_t high_water_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t refused_ = 0;
};

/// The one depot of the process for blocks of that size. Never destroyed, because a block may outlive
/// everything else. It keeps what its users say, each with keep_more_warm().
template <std::size_t Bytes>
slab_depot& process_slabs() noexcept {
  static slab_depot& depot = *new slab_depot{Bytes, simulated ? slab_depot::default_warm : 0};
  return depot;
}

/// A thread's own free blocks. Its thread only, but for the depot's census.
class slab_cache : public list_node {
 public:
  /// Blocks exchanged with the depot at a time, and how many a cache holds at most.
  static constexpr std::uint32_t batch = 512;
  static constexpr std::uint32_t capacity = 2 * batch;

  explicit slab_cache(slab_depot& depot) noexcept;
  slab_cache(const slab_cache&) = delete;
  slab_cache& operator=(const slab_cache&) = delete;
  ~slab_cache();

  /// A block, aligned to 64; nullptr if there is no memory. Cost: 2 ns; a lock per batch when the cache is
  /// empty.
  [[nodiscard]] void* take() noexcept {
    const std::uint32_t n = count_.load(std::memory_order_relaxed);
    if (n == 0) [[unlikely]]
      return take_slow();
    count_.store(n - 1, std::memory_order_relaxed);
    void* const block = blocks_[n - 1];
    if (n > prefetch_distance) {  // a thousand spawns in a row: 38 ns each without, 32 with
      auto* const later = static_cast<std::byte*>(blocks_[n - 1 - prefetch_distance]);
      __builtin_prefetch(later, 1);
      __builtin_prefetch(later + 64, 1);
      __builtin_prefetch(later + 128, 1);
    }
    return block;
  }

  /// Takes a block back, from whichever cache of the depot it came.
  void give(void* block) noexcept {
    const std::uint32_t n = count_.load(std::memory_order_relaxed);
    if (n == capacity) [[unlikely]]
      return give_slow(block);
    blocks_[n] = block;
    count_.store(n + 1, std::memory_order_relaxed);
  }

  /// For idle time: if there is more free than the warm blocks, hands all of its own to the depot and trims
  /// that. True: there is more to free, call again.
  bool trim(deadline until = deadline::never()) noexcept;

 private:
  friend class slab_depot;
  static constexpr std::uint32_t prefetch_distance = 2;

  WEFT_NOINLINE void* take_slow() noexcept;
  WEFT_NOINLINE void give_slow(void* block) noexcept;
  void give_back(std::uint32_t count) noexcept;

  slab_depot& depot_;
  atomic<std::uint32_t> count_{0};  // written by the owner only, with plain stores
  std::array<void*, capacity> blocks_;
};

}  // namespace weft::detail

// Blocks of memory of one size, in a bounded number: taken and given back without a system call, a locked
// instruction or a fragment.
//
// Every thread has a cache of its own, which exchanges batches with the pool. The limit is exact all the
// same: before a take waits or is refused, what lies in the caches of others is used up (block_store.hpp).
// Idle workers give memory back to the kernel: the pool keeps so much that 30 to 90 % of it is in use.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/bounded_blocks.hpp>
#include <weft/runtime/pool_options.hpp>

namespace weft {

/// A block of a pool, which goes back when this goes. Moves only; may be given back on any thread.
class pooled_block {
 public:
  /// None.
  pooled_block() = default;

  explicit operator bool() const noexcept { return block_ != nullptr; }
  std::byte* data() const noexcept { return block_.get(); }
  std::size_t size() const noexcept {
    return block_ == nullptr ? 0 : block_.get_deleter().pool->block_bytes();
  }

  /// What it holds is undefined at first.
  std::span<std::byte> bytes() const noexcept { return {data(), size()}; }

  /// Gives the block back now.
  void reset() noexcept { block_.reset(); }

 private:
  friend class block_pool;
  pooled_block(detail::bounded_blocks& pool, void* block) noexcept
      : block_{static_cast<std::byte*>(block), {&pool}} {}

  std::unique_ptr<std::byte, detail::give_back> block_;
};

/// All blocks must be back before it goes; that one is not is an assertion.
class block_pool {
 public:
  static constexpr std::size_t block_bytes_max = detail::slab_depot::block_bytes_max;

  /// Of blocks of `block_bytes`: a multiple of 64 up to 4 KiB, or a power of two up to 1 MiB; aligned to 64,
  /// or from 4 KiB up to their size.
  explicit block_pool(std::size_t block_bytes, const pool_options& options = {}) noexcept
      : blocks_{block_bytes, options} {}

  /// Takes a block.
  ///
  /// Blocks     the calling fiber or thread, at the limit, until one comes back or `until`; unless
  ///            exhaustion::refuse was chosen.
  /// Errors     limit (refused), deadline_exceeded, canceled; std::errc::not_enough_memory. Never fails if
  ///            there is a free block.
  /// Safe from  any fiber or thread.
  /// Cost       2 ns; a lock per batch when the thread's cache is empty.
  [[nodiscard]] result<pooled_block> acquire(deadline until = {}) {
    const result<void*> block = blocks_.take(until);
    if (!block) return std::unexpected(block.error());
    return pooled_block{blocks_, *block};
  }

  /// Takes a block if there is one. Errors: limit. Safe from any fiber or thread.
  [[nodiscard]] result<pooled_block> try_acquire() noexcept {
    void* const block = blocks_.try_take();
    if (block == nullptr) return std::unexpected(errc::limit);
    return pooled_block{blocks_, block};
  }

  /// Fills `out` with blocks, all or none; waits and fails as acquire() does. What `out` held is given back
  /// first. Cost: one lock.
  [[nodiscard]] result<void> acquire_batch(std::span<pooled_block> out, deadline until = {});

  /// Makes memory ready for so many more, as far as the limit allows. Safe from any fiber or thread.
  void warm_up(std::size_t blocks) noexcept { blocks_.warm_up(blocks); }

  /// Gives memory that is not needed back to the kernel, until `until`. True: it did not get to the end.
  /// Idle workers do it anyway. Safe from any fiber or thread.
  bool trim(deadline until = {}) noexcept { return blocks_.trim(until); }

  /// Safe from  any fiber or thread.
  pool_stats stats() noexcept { return blocks_.stats(); }

  std::size_t block_bytes() const noexcept { return blocks_.block_bytes(); }

 private:
  detail::bounded_blocks blocks_;
};

}  // namespace weft

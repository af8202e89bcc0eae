// A block_store and who waits for its blocks: what block_pool and object_pool are made of.
//
// Nobody waits unless the store is closed, when every block comes back through its lock. There it goes to the
// oldest waiter, as soon as there are as many as he wants; nobody who comes later gets past. Who wants
// several gets all of them at once, so that two who want many cannot both hold half. The store opens when
// nobody waits and a quarter is free.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <weft/pools/block_store.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/pool_options.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class bounded_blocks final : public listed_pool {
 public:
  bounded_blocks(std::size_t block_bytes, const pool_options& options) noexcept;
  bounded_blocks(const bounded_blocks&) = delete;
  bounded_blocks& operator=(const bounded_blocks&) = delete;
  ~bounded_blocks();

  /// Takes one; waits for it if the options say so.
  ///
  /// Errors     limit, deadline_exceeded, canceled; std::errc::not_enough_memory.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<void*> take(deadline until) {
    if (void* const block = store_.take_cached()) [[likely]]
      return block;
    return take_slow(until);
  }

  /// Takes one; null: there is none.
  [[nodiscard]] WEFT_ALWAYS_INLINE void* try_take() noexcept {
    if (void* const block = store_.take_cached()) [[likely]]
      return block;
    return try_take_slow();
  }

  /// Takes `count`, or none; errors as of take().
  [[nodiscard]] result<void> take_many(void** out, std::size_t count, deadline until);

  WEFT_ALWAYS_INLINE void give(void* block) noexcept {
    if (!store_.give_cached(block)) [[unlikely]]
      give_slow(block);
  }

  std::size_t block_bytes() const noexcept { return store_.block_bytes(); }
  std::size_t limit() const noexcept { return store_.limit(); }
  void warm_up(std::size_t count) noexcept { store_.warm_up(count); }
  void keep(std::size_t count) noexcept { store_.keep(count); }
  pool_stats stats() noexcept override { return store_.stats(); }
  bool trim(deadline until) noexcept override { return store_.trim(until); }

 private:
  struct waiter;

  WEFT_NOINLINE result<void*> take_slow(deadline until);
  WEFT_NOINLINE void* try_take_slow() noexcept;
  WEFT_NOINLINE void give_slow(void* block) noexcept;
  void serve(woken_waiters& woken) noexcept;

  block_store store_;
  const exhaustion exhausted_;
  wait_list waiters_;  // guarded by store_.lock()
};

/// The deleter of a block that was taken.
struct give_back {
  bounded_blocks* pool = nullptr;
  void operator()(void* block) const noexcept { pool->give(block); }
};

/// Room for the addresses of a batch: the stack of a fiber has it for a few.
class batch_room {
 public:
  explicit batch_room(std::size_t count) {
    if (count > few_.size()) many_ = std::make_unique_for_overwrite<void*[]>(count);
  }
  void** data() noexcept { return many_ != nullptr ? many_.get() : few_.data(); }

 private:
  std::array<void*, 16> few_;
  std::unique_ptr<void*[]> many_;
};

}  // namespace weft::detail

// Buffers of whole pages, from pools: to read into, to hand to the kernel, to pass on as bytes.
//
//     buffer_pool pool;
//     buffer b = WEFT_TRY(pool.acquire(50'000));        // begins on a page; capacity() is 64 KiB
//     b.resize(WEFT_TRY(stream.read(b)));
//     bytes message{std::move(b)};                      // shared, sliced; no copy
//
// What comes out is a `buffer` like any other, and the memory goes back when the last handle to it goes, be
// that the buffer itself or a slice of what it has become, on whichever thread. Four sizes, 4, 16 and 64 KiB
// and 1 MiB, each a pool of blocks with a limit of its own (bounded_blocks.hpp), as those of tiered_pool. The
// block is the buffer, whole, so that O_DIRECT takes it as it is; what a buffer needs besides, its byte_block
// of 64 bytes, comes from a pool too.
//
// pin() keeps a size in memory, so that nobody ever waits for a page of it: not who writes to it, nor the
// kernel that copies into it. It is mlock(2). To register buffers with a ring saves nothing for recv and
// plain send, and O_DIRECT and SEND_ZC would want each of them registered with the ring of every worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/pools/buffer.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/bounded_blocks.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/pool_options.hpp>

namespace weft {

/// Options of each size, small to large.
struct buffer_pool_options {
  pool_options kib4{.name = "buffers of 4 KiB", .limit = 256};
  pool_options kib16{.name = "buffers of 16 KiB", .limit = 128};
  pool_options kib64{.name = "buffers of 64 KiB", .limit = 64};
  pool_options mib1{.name = "buffers of 1 MiB", .limit = 16};
};

/// All buffers, and all bytes made of them, must be gone before it goes; that one is not is an assertion.
class buffer_pool {
 public:
  static constexpr std::size_t sizes = 4;
  static constexpr std::array<std::size_t, sizes> buffer_bytes{4 * detail::kib, 16 * detail::kib,
                                                               64 * detail::kib, 1 * detail::mib};

  explicit buffer_pool(const buffer_pool_options& options = {}) noexcept
      : handles_{handle_bytes, handle_options},
        memory_{detail::bounded_blocks{buffer_bytes[0], options.kib4},
                detail::bounded_blocks{buffer_bytes[1], options.kib16},
                detail::bounded_blocks{buffer_bytes[2], options.kib64},
                detail::bounded_blocks{buffer_bytes[3], options.mib1}} {}

  /// Takes a buffer of `bytes` from the smallest size that holds so many. What it holds is undefined; its
  /// capacity is the size's.
  ///
  /// Blocks     the calling fiber or thread, at that size's limit, until one goes back or `until`; unless
  ///            exhaustion::refuse was chosen.
  /// Errors     limit (refused, or more than 1 MiB), deadline_exceeded, canceled;
  ///            std::errc::not_enough_memory. Never fails if there is a free one.
  /// Safe from  any fiber or thread.
  /// Cost       5 ns; a lock per batch when the thread's cache is empty.
  [[nodiscard]] result<buffer> acquire(std::size_t bytes, deadline until = {}) {
    const std::size_t size = size_for(bytes);
    if (size == sizes) return std::unexpected(errc::limit);
    const result<void*> memory = memory_[size].take(until);
    if (!memory) return std::unexpected(memory.error());
    return make(memory_[size], *memory, bytes);
  }

  /// The same, if there is one. Errors: limit. Safe from any fiber or thread.
  [[nodiscard]] result<buffer> try_acquire(std::size_t bytes) noexcept {
    const std::size_t size = size_for(bytes);
    void* const memory = size == sizes ? nullptr : memory_[size].try_take();
    if (memory == nullptr) return std::unexpected(errc::limit);
    return make(memory_[size], memory, bytes);
  }

  /// Makes all buffers of the size that answers to `bytes` resident, and locks them there, up to its limit,
  /// until the pool goes: for a size that has one. All must be free for a moment. On an error none is
  /// locked.
  ///
  /// Blocks     the calling fiber or thread, until all are back or `until`; the worker, while the kernel
  ///            fetches the pages, about 0.2 ms per MiB.
  /// Errors     limit (refused, or more than 1 MiB), deadline_exceeded, canceled; ENOMEM and EPERM where
  ///            RLIMIT_MEMLOCK does not allow it, and what else mlock says.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<void> pin(std::size_t bytes, deadline until = {});

  /// Makes memory ready for so many more buffers of the size that answers to `bytes`, as far as its limit
  /// allows. Safe from any fiber or thread.
  void warm_up(std::size_t bytes, std::size_t buffers) noexcept { of(bytes).warm_up(buffers); }

  /// Gives memory that is not needed back to the kernel, until `until`. True: it did not get to the end.
  /// Idle workers do it anyway. Safe from any fiber or thread.
  bool trim(deadline until = {}) noexcept;

  /// Of the size that answers to `bytes`. Safe from any fiber or thread.
  pool_stats stats(std::size_t bytes) noexcept { return of(bytes).stats(); }

  /// The index in buffer_bytes of the size that answers to `bytes`; sizes: none.
  static constexpr std::size_t size_for(std::size_t bytes) noexcept {
    std::size_t i = 0;
    while (i < sizes && buffer_bytes[i] < bytes) ++i;
    return i;
  }

 private:
  struct handle;
  static constexpr std::size_t handle_bytes = 64;
  // As many as there are buffers.
  static constexpr pool_options handle_options{
      .name = "handles of buffers", .limit = SIZE_MAX, .exhausted = exhaustion::refuse};

  detail::bounded_blocks& of(std::size_t bytes) noexcept;
  result<buffer> make(detail::bounded_blocks& memory, void* block, std::size_t bytes) noexcept;

  detail::bounded_blocks handles_;
  std::array<detail::bounded_blocks, sizes> memory_;
  mutex pinning_;
  std::array<bool, sizes> pinned_{};  // guarded by pinning_
};

}  // namespace weft

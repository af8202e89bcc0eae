// Memory for bytes, and how many handles look at it: what buffer and bytes hold.
//
// The count is that of std::shared_ptr: a new handle adds one, relaxed, because who adds has a handle
// already; who leaves takes one away with release order, and the last, with acquire order, finds all that
// the others did done. Who reads a count of one is the only one, nobody can add behind its back, and so it
// need not change the count: most blocks have one handle all their life and pay for no locked instruction.
#pragma once

#include <cstddef>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class byte_block {
 public:
  /// `release` is called once, by the last handle, with this block. The memory must stay until then.
  byte_block(std::byte* data, std::size_t capacity, void (*release)(byte_block&) noexcept) noexcept
      : data_{data}, capacity_{capacity}, release_{release} {}
  byte_block(const byte_block&) = delete;
  byte_block& operator=(const byte_block&) = delete;

  /// A block on the heap of at least `capacity` bytes, aligned to 64, not zeroed, with one handle. Throws
  /// std::bad_alloc.
  static byte_block& make(std::size_t capacity);

  std::byte* data() const noexcept { return data_; }
  std::size_t capacity() const noexcept { return capacity_; }

  /// Safe from  any thread that has a handle.
  void add_handle() noexcept { handles_.fetch_add(1, std::memory_order_relaxed); }

  void drop_handle() noexcept {
    if (alone() || handles_.fetch_sub(1, std::memory_order_acq_rel) == 1) release_(*this);
  }

  /// Whether the caller's handle is the only one; then it stays so until the caller makes another.
  bool alone() const noexcept { return handles_.load(std::memory_order_acquire) == 1; }

 private:
  atomic<std::size_t> handles_{1};  // wide enough never to overflow
  std::byte* const data_;
  const std::size_t capacity_;
  void (*const release_)(byte_block&) noexcept;
};

}  // namespace weft::detail

// Bytes in a row that lie in several places: what waits to be sent, what was received in parts.
//
// A first-in-first-out queue of slices. What is appended is not copied, what is sent leaves at the front, in
// the middle of a slice if need be, and gather() gives the kernel the list that writev takes. Slices are kept
// in a ring that grows and is never given back, so that a queue in use allocates nothing. Empty slices are
// left out.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <sys/uio.h>

#include <weft/pools/bytes.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/byte_view.hpp>

namespace weft {

/// A queue of `bytes`, seen as one run of bytes. Moves only.
///
/// Safe from  one thread at a time; the slices in it may be shared with others.
class segmented_buffer {
 public:
  segmented_buffer() noexcept = default;
  segmented_buffer(segmented_buffer&& other) noexcept;
  segmented_buffer& operator=(segmented_buffer&& other) noexcept;
  ~segmented_buffer() = default;

  /// Puts a slice behind what is there.
  ///
  /// Cost       no allocation but when the ring grows.
  void append(bytes slice);
  /// Moves all slices of `other` behind what is here.
  void append(segmented_buffer&& other);

  /// Bytes in all.
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// How many slices there are.
  std::size_t segments() const noexcept { return count_; }
  /// Slice `i`, counted from the front.
  const bytes& segment(std::size_t i) const noexcept {
    WEFT_ASSERT(i < count_, "there is no such segment");
    return ring_[place(i)];
  }

  /// Fills `list` from the front for writev: as many slices as fit, and no more than `bytes_max` bytes. Valid
  /// until something is consumed or taken. Returns the part of the list that is in use.
  std::span<const iovec> gather(std::span<iovec> list, std::size_t bytes_max = max) const noexcept;

  /// Drops the first `length` bytes: what a write took.
  void consume(std::size_t length) noexcept;

  /// Removes the first `length` bytes and gives them in one piece: shared if they lie in one slice, else
  /// copied.
  bytes take(std::size_t length);

  /// Removes the first `length` bytes and gives them as they lie, without a copy.
  segmented_buffer split_front(std::size_t length);

  /// Copies what there is from `offset` on, at most to.size() bytes, and leaves it here. Returns how much.
  std::size_t copy_to(std::span<std::byte> to, std::size_t offset = 0) const noexcept;

  /// The index of the first byte from `offset` on that is `what`; size() if there is none.
  std::size_t find_byte(std::byte what, std::size_t offset = 0) const noexcept;

  /// Bytes that take() had to copy, ever: zero where messages arrive in one piece.
  std::size_t copied_bytes() const noexcept { return copied_bytes_; }

  void clear() noexcept { consume(size_); }

 private:
  static constexpr std::size_t max = static_cast<std::size_t>(-1);
  static constexpr std::size_t ring_min = 8;  // a guess: a response and its neighbours

  std::size_t place(std::size_t i) const noexcept { return (first_ + i) & (capacity_ - 1); }
  bytes pop_front() noexcept;
  void grow();

  std::unique_ptr<bytes[]> ring_;
  std::size_t capacity_ = 0;  // of the ring; a power of two
  std::size_t first_ = 0;     // place of the first slice
  std::size_t count_ = 0;     // slices; the places of the others are empty
  std::size_t size_ = 0;      // bytes
  std::size_t copied_bytes_ = 0;
};

}  // namespace weft

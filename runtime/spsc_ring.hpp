// A ring of elements between one producer and one consumer, without locks: each sees its part of the ring as
// a span, works in it at leisure, and then hands over as much as it likes.
//
//   producer:  auto room = ring.writable(); n = fill(room);  ring.commit_write(n);
//   consumer:  auto data = ring.readable(); n = use(data);   ring.commit_read(n);
//
// The elements are constructed with the ring and live as long as it: writing assigns to them. Two counters
// only grow; their difference is what is in the ring, so full and empty are told apart without a spare
// element. The store of a counter in commit_ pairs with the load of it by the other side. Each side keeps a
// copy of the other's counter and reads the real one only when the copy does not suffice: as long as the ring
// is neither nearly full nor nearly empty, the cache line of the counters stays where it is.
// Source: the counters are Lamport's, "Specifying Concurrent Program Modules", 1983; the copies are those of
// Lee et al., "A Lock-Free, Cache-Efficient Shared Ring Buffer", 2009 (MCRingBuffer).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {

template <class T>
class spsc_ring {
 public:
  /// A ring of at least `capacity` elements, 1 or more: the next power of two.
  explicit spsc_ring(std::size_t capacity)
      : mask_{checked(capacity) - 1}, elements_{std::make_unique<T[]>(mask_ + 1)} {}
  spsc_ring(const spsc_ring&) = delete;
  spsc_ring& operator=(const spsc_ring&) = delete;

  // --- the producer

  /// What can be written, in one piece: up to the end of the memory, where the rest begins anew once this is
  /// committed. Empty only if the ring is full. `enough`: with so much free it does not look for more.
  /// Safe from  the producer only.
  std::span<T> writable(std::size_t enough = 1) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (free_after(tail) < enough) head_seen_ = head_.load(std::memory_order_acquire);
    return piece(tail, free_after(tail));
  }

  /// Hands the first `n` elements of writable() to the consumer.
  /// Safe from  the producer only.
  void commit_write(std::size_t n) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    WEFT_ASSERT(n <= free_after(tail), "more was committed to a ring than writable() gave");
    tail_.store(tail + n, std::memory_order_release);
  }

  // --- the consumer

  /// What can be read, in one piece: up to the end of the memory. Empty only if the ring is. `enough`: with
  /// so much there it does not look for more.
  /// Safe from  the consumer only.
  std::span<T> readable(std::size_t enough = 1) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (tail_seen_ - head < enough) tail_seen_ = tail_.load(std::memory_order_acquire);
    return piece(head, tail_seen_ - head);
  }

  /// Gives the first `n` elements of readable() back to the producer.
  /// Safe from  the consumer only.
  void commit_read(std::size_t n) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    WEFT_ASSERT(n <= tail_seen_ - head, "more was taken from a ring than readable() gave");
    head_.store(head + n, std::memory_order_release);
  }

  // --- anyone

  std::size_t capacity() const noexcept { return mask_ + 1; }

  /// How many elements are in it: for the producer at most so many, for the consumer at least; for others it
  /// may be old. Safe from  any thread.
  std::size_t size() const noexcept {
    const std::size_t head = head_.load(std::memory_order_acquire);
    return std::min(tail_.load(std::memory_order_acquire) - head, capacity());
  }

 private:
  static std::size_t checked(std::size_t capacity) noexcept {
    WEFT_ASSERT(capacity > 0, "a ring without room");
    WEFT_ASSERT(capacity <= ~std::size_t{0} / 2 / sizeof(T), "a ring larger than memory");
    return std::bit_ceil(capacity);
  }

  std::size_t free_after(std::size_t tail) const noexcept { return capacity() - (tail - head_seen_); }

  std::span<T> piece(std::size_t from, std::size_t count) noexcept {
    const std::size_t at = from & mask_;
    return {elements_.get() + at, std::min(count, capacity() - at)};
  }

  const std::size_t mask_;
  const std::unique_ptr<T[]> elements_;

  // A line for each side: its own counter, and its copy of the other's.
  alignas(detail::cache_line) detail::atomic<std::size_t> tail_{0};  // written so far; the producer stores it
  std::size_t head_seen_ = 0;                                        // the producer only
  alignas(detail::cache_line) detail::atomic<std::size_t> head_{0};  // read so far; the consumer stores it
  std::size_t tail_seen_ = 0;                                        // the consumer only
};

}  // namespace weft

// A deque of work: its owner pushes and pops at the bottom, newest first, and any other thread may steal the
// oldest from the top.
//
// Only the owner moves bottom_, and top_ only grows. The one race that matters is for the last element:
// pop() lowers bottom_ and then reads top_, steal() reads top_ and then bottom_, with a sequentially
// consistent fence between the two on both sides, so at least one of them sees the other; who then takes what
// both want is decided by a compare-exchange of top_. A thief reads the element before that and may read one
// that is being overwritten: then top_ has moved, its exchange fails, and it forgets what it read. That is
// why elements are small and trivially copyable: pointers, indices.
//
// Bounded, on purpose. A growing deque allocates where work is spawned, and must keep its old arrays for as
// long as a thief might be reading them. Here a full deque refuses, and its owner runs the work at once or
// keeps it elsewhere, as schedulers do anyway (Go's, tokio's and ours have 256 entries).
// Source: Chase and Lev, "Dynamic Circular Work-Stealing Deque", 2005; the orders are those of Le, Pop, Cohen
// and Zappa Nardelli, "Correct and Efficient Work-Stealing for Weak Memory Models", 2013. Where they have a
// release fence before a relaxed store of bottom_, every store of it here is a release: the same, and
// ThreadSanitizer understands it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {

template <class T>
class work_stealing_deque {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t) &&
                    std::has_single_bit(sizeof(T)),
                "a thief may read an element that is being overwritten: it must fit an atomic");

 public:
  /// A deque of at least `capacity` elements, 1 or more: the next power of two.
  explicit work_stealing_deque(std::size_t capacity)
      : mask_{checked(capacity) - 1}, elements_{std::make_unique<detail::atomic<T>[]>(mask_ + 1)} {}
  work_stealing_deque(const work_stealing_deque&) = delete;
  work_stealing_deque& operator=(const work_stealing_deque&) = delete;

  /// Adds at the bottom. False: full.
  ///
  /// Safe from  the owner only.
  /// Cost       no locked instruction.
  [[nodiscard]] bool push(T value) noexcept {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    // Pairs with the thieves' exchange: the element that is overwritten has been read.
    if (bottom - top_.load(std::memory_order_acquire) > static_cast<std::int64_t>(mask_)) [[unlikely]]
      return false;
    at(bottom).store(value, std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);  // shows the element to steal()
    return true;
  }

  /// Takes the newest. Nothing: empty.
  ///
  /// Safe from  the owner only.
  /// Cost       a fence; for the last element, a compare-exchange too.
  [[nodiscard]] std::optional<T> pop() noexcept {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    bottom_.store(bottom, std::memory_order_release);
    detail::fence(std::memory_order_seq_cst);  // between the claim and the look: pairs with steal()
    std::int64_t top = top_.load(std::memory_order_relaxed);
    if (top > bottom) {  // it was empty
      bottom_.store(bottom + 1, std::memory_order_release);
      return std::nullopt;
    }
    const T value = at(bottom).load(std::memory_order_relaxed);
    if (top < bottom) [[likely]]
      return value;  // thieves do not get as far as this one
    const bool won =
        top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);
    return won ? std::optional<T>{value} : std::nullopt;
  }

  /// Takes the oldest. Nothing: empty, or somebody else has just taken it.
  ///
  /// Safe from  any thread; memory written before push() is visible after the steal() of its element.
  /// Cost       a fence and a compare-exchange.
  [[nodiscard]] std::optional<T> steal() noexcept {
    std::int64_t top = top_.load(std::memory_order_acquire);
    detail::fence(std::memory_order_seq_cst);  // pairs with pop()
    if (top >= bottom_.load(std::memory_order_acquire)) return std::nullopt;
    const T value = at(top).load(std::memory_order_relaxed);
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed))
      return std::nullopt;
    return value;
  }

  std::size_t capacity() const noexcept { return mask_ + 1; }

  /// How many elements are in it; exact for the owner while nobody steals. Safe from  any thread.
  std::size_t size() const noexcept {
    const std::int64_t stolen = top_.load(std::memory_order_acquire);
    const std::int64_t n = bottom_.load(std::memory_order_acquire) - stolen;
    return n <= 0 ? 0 : n <= static_cast<std::int64_t>(mask_) ? static_cast<std::size_t>(n) : capacity();
  }

 private:
  static std::size_t checked(std::size_t capacity) noexcept {
    WEFT_ASSERT(capacity > 0, "a deque without room");
    WEFT_ASSERT(capacity <= ~std::size_t{0} / 4 / sizeof(T), "a deque larger than memory");
    return std::bit_ceil(capacity);
  }

  detail::atomic<T>& at(std::int64_t position) noexcept {
    return elements_[static_cast<std::size_t>(position) & mask_];
  }

  const std::size_t mask_;
  const std::unique_ptr<detail::atomic<T>[]> elements_;
  alignas(detail::cache_line) detail::atomic<std::int64_t> top_{0};     // thieves move it, and the last pop()
  alignas(detail::cache_line) detail::atomic<std::int64_t> bottom_{0};  // the owner stores it
};

}  // namespace weft

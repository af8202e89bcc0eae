// A bounded queue for any number of producers and consumers: it never waits and takes no lock.
//
// Each cell carries a number that says whose turn it is:
//
//   number == position                  free for the producer of this position
//   number == position + 1              full, for the consumer of this position
//   number == position + capacity       free again, for the producer one round later
//
// A producer takes a position by compare-exchange, fills the cell, and then stores the number, which pairs
// with the consumer's load of it; the consumer the same. So producers contend with producers only, and
// everything else happens in the cell. One that is held up between the two hides the cells behind its own:
// try_pop() may then say "empty" though later values are there. It is lock-free in that nobody holds
// anybody up for ever but by stopping there.
// Source: D. Vyukov, "Bounded MPMC queue", 1024cores.net, 2010.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {

template <class T>
class mpmc_queue {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a throw would leave a cell that nobody can pass");

 public:
  /// A queue of at least `capacity` values: the next power of two, and 2 at least.
  explicit mpmc_queue(std::size_t capacity)
      : mask_{checked(capacity) - 1}, cells_{std::make_unique_for_overwrite<cell[]>(mask_ + 1)} {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].number.store(i, std::memory_order_relaxed);
  }
  mpmc_queue(const mpmc_queue&) = delete;
  mpmc_queue& operator=(const mpmc_queue&) = delete;

  /// Destroys what is still in it. Nobody uses it any more.
  ~mpmc_queue() {
    while (try_pop()) {}
  }

  /// Adds a value. False: the queue is full, and `value` is as it was.
  ///
  /// Safe from  any thread.
  /// Cost       two atomic operations, of which one is a compare-exchange.
  [[nodiscard]] bool try_push(T&& value) noexcept {
    std::size_t position = tail_.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells_[position & mask_];
      const std::size_t number = c.number.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(number - position);
      if (ahead < 0) return false;
      if (ahead > 0) {  // somebody else has this position
        position = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed,
                                             std::memory_order_relaxed)) {
        ::new (static_cast<void*>(c.storage)) T(std::move(value));
        c.number.store(position + 1, std::memory_order_release);
        return true;
      }
    }
  }
  [[nodiscard]] bool try_push(const T& value) noexcept(std::is_nothrow_copy_constructible_v<T>)
    requires std::is_copy_constructible_v<T>
  {
    return try_push(T(value));
  }

  /// Takes the oldest value. Nothing: the queue is empty.
  ///
  /// Safe from  any thread; memory written before try_push() is visible after the try_pop() of its value.
  /// Cost       two atomic operations, of which one is a compare-exchange.
  [[nodiscard]] std::optional<T> try_pop() noexcept {
    std::size_t position = head_.load(std::memory_order_relaxed);
    for (;;) {
      cell& c = cells_[position & mask_];
      const std::size_t number = c.number.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(number - (position + 1));
      if (ahead < 0) return std::nullopt;
      if (ahead > 0) {  // somebody else has this position
        position = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed,
                                             std::memory_order_relaxed)) {
        T& value = *std::launder(reinterpret_cast<T*>(c.storage));
        std::optional<T> taken{std::move(value)};
        value.~T();
        c.number.store(position + capacity(), std::memory_order_release);
        return taken;
      }
    }
  }

  std::size_t capacity() const noexcept { return mask_ + 1; }

  /// About how many values are in it; exact while nobody pushes or pops. Safe from  any thread.
  std::size_t size() const noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const auto n = static_cast<std::ptrdiff_t>(tail_.load(std::memory_order_relaxed) - head);
    return n <= 0 ? 0 : static_cast<std::size_t>(n) < capacity() ? static_cast<std::size_t>(n) : capacity();
  }

 private:
  struct cell {
    detail::atomic<std::size_t> number;
    alignas(T) std::byte storage[sizeof(T)];
  };

  static std::size_t checked(std::size_t capacity) noexcept {
    WEFT_ASSERT(capacity > 0, "a queue without room");
    WEFT_ASSERT(capacity <= ~std::size_t{0} / 2 / sizeof(cell), "a queue larger than memory");
    // With one cell, "full" and "free for the next round" would be the same number.
    return capacity < 2 ? 2 : std::bit_ceil(capacity);
  }

  const std::size_t mask_;
  const std::unique_ptr<cell[]> cells_;
  alignas(detail::cache_line) detail::atomic<std::size_t> tail_{0};  // the next position to be pushed
  alignas(detail::cache_line) detail::atomic<std::size_t> head_{0};  // the next position to be popped
};

}  // namespace weft

// Objects of one type in a bounded number, at addresses that stay: made and destroyed in memory of a pool.
//
//   object_pool<request> pool{{.limit = 500}};
//   auto r = pool.acquire(socket, 42);        // result<pooled<request>>; it goes back when that goes
//
// Memory, limit, waiting and statistics are those of block_pool. An object lies in a block of its own, which
// begins on a cache line: neighbours do not share one. What the pool keeps is memory, and not objects, so
// every acquire() gives a new one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/bounded_blocks.hpp>
#include <weft/runtime/pool_options.hpp>

namespace weft {

template <class T>
class object_pool;

/// An object of a pool, which is destroyed and goes back when this goes. Moves only, and the object does not
/// move with it; may go on any thread.
template <class T>
class pooled {
 public:
  /// None.
  pooled() = default;
  pooled(pooled&& other) noexcept
      : pool_{std::exchange(other.pool_, nullptr)}, object_{std::exchange(other.object_, nullptr)} {}
  pooled& operator=(pooled&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = std::exchange(other.pool_, nullptr);
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  ~pooled() { reset(); }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

  /// Destroys the object now.
  void reset() noexcept {
    if (T* const object = std::exchange(object_, nullptr)) {
      std::destroy_at(object);
      pool_->give(object);
    }
  }

 private:
  friend class object_pool<T>;
  pooled(detail::bounded_blocks& pool, T* object) noexcept : pool_{&pool}, object_{object} {}

  detail::bounded_blocks* pool_ = nullptr;
  T* object_ = nullptr;
};

/// All objects must have gone before it goes; that one has not is an assertion.
template <class T>
class object_pool {
  static_assert(std::is_nothrow_destructible_v<T>);
  static_assert(sizeof(T) <= detail::slab_depot::block_bytes_max, "too large for a pool");
  static_assert(alignof(T) <= 4096, "no such alignment in a pool");

 public:
  /// The bytes that an object takes.
  static constexpr std::size_t block_bytes() noexcept {
    constexpr std::size_t line = detail::cache_line;
    constexpr std::size_t bytes = (sizeof(T) + line - 1) / line * line;
    if constexpr (alignof(T) > line) return std::max(std::bit_ceil(bytes), std::size_t{4096});
    else return bytes <= 4096 ? bytes : std::bit_ceil(bytes);
  }

  explicit object_pool(const pool_options& options = {}) noexcept : blocks_{block_bytes(), options} {}

  /// Makes a T of the arguments.
  ///
  /// Blocks     the calling fiber or thread, at the limit, until an object goes; unless exhaustion::refuse
  ///            was chosen.
  /// Errors     limit (refused), canceled, deadline_exceeded (of with_deadline()); std::errc::
  ///            not_enough_memory. Never fails below the limit. Throws what T's constructor throws.
  /// Safe from  any fiber or thread.
  /// Cost       2 ns and the constructor; a lock per batch when the thread's cache is empty.
  template <class... A>
    requires std::constructible_from<T, A...>
  [[nodiscard]] result<pooled<T>> acquire(A&&... arguments) {
    return acquire_until(deadline::never(), std::forward<A>(arguments)...);
  }

  /// The same, and gives up at `until` with deadline_exceeded.
  template <class... A>
    requires std::constructible_from<T, A...>
  [[nodiscard]] result<pooled<T>> acquire_until(deadline until, A&&... arguments) {
    const result<void*> block = blocks_.take(until);
    if (!block) [[unlikely]]
      return std::unexpected(block.error());
    return make(*block, std::forward<A>(arguments)...);
  }

  /// Makes a T of the arguments, if there is room. Errors: limit. Safe from any fiber or thread.
  template <class... A>
    requires std::constructible_from<T, A...>
  [[nodiscard]] result<pooled<T>> try_acquire(A&&... arguments) {
    void* const block = blocks_.try_take();
    if (block == nullptr) [[unlikely]]
      return std::unexpected(errc::limit);
    return make(block, std::forward<A>(arguments)...);
  }

  /// Fills `out` with new objects, all or none; waits and fails as acquire_until() does. What `out` held goes
  /// first. Cost: one lock, and the constructors.
  [[nodiscard]] result<void> acquire_batch(std::span<pooled<T>> out, deadline until = {})
    requires std::default_initializable<T>
  {
    constexpr std::size_t few = 16;  // addresses that a fiber's stack has room for
    for (pooled<T>& object : out) object.reset();
    std::array<void*, few> small;
    std::unique_ptr<void*[]> large;
    if (out.size() > few) large = std::make_unique_for_overwrite<void*[]>(out.size());
    void** const blocks = large != nullptr ? large.get() : small.data();
    WEFT_TRY(blocks_.take_many(blocks, out.size(), until));
    taken rest{blocks_, blocks, out.size()};
    for (pooled<T>& object : out) object = make(rest.next());
    return {};
  }

  /// Makes memory ready for so many more objects, as far as the limit allows. Safe from any fiber or thread.
  void warm_up(std::size_t objects) noexcept { blocks_.warm_up(objects); }

  /// Gives memory that is not needed back to the kernel, until `until`. True: it did not get to the end.
  /// Idle workers do it anyway. Safe from any fiber or thread.
  bool trim(deadline until = {}) noexcept { return blocks_.trim(until); }

  /// Safe from  any fiber or thread.
  pool_stats stats() noexcept { return blocks_.stats(); }

 private:
  /// Blocks on their way to become objects; what is left goes back when a constructor throws.
  struct taken {
    ~taken() {
      while (count != 0) pool.give(next());
    }
    void* next() noexcept { return blocks[--count]; }

    detail::bounded_blocks& pool;
    void** blocks;
    std::size_t count;
  };

  template <class... A>
  pooled<T> make(void* block, A&&... arguments) {
    if constexpr (std::is_nothrow_constructible_v<T, A...>) {
      return {blocks_, std::construct_at(static_cast<T*>(block), std::forward<A>(arguments)...)};
    } else {
      void* const begin = block;
      taken unless_thrown{blocks_, &block, 1};
      T* const object = std::construct_at(static_cast<T*>(begin), std::forward<A>(arguments)...);
      unless_thrown.count = 0;
      return {blocks_, object};
    }
  }

  detail::bounded_blocks blocks_;
};

}  // namespace weft

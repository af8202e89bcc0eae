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

namespace detail {

/// Destroys an object, and gives its block back.
template <class T>
struct end_pooled {
  bounded_blocks* pool = nullptr;
  void operator()(T* object) const noexcept {
    std::destroy_at(object);
    pool->give(object);
  }
};

}  // namespace detail

/// An object of a pool, which is destroyed and goes back when this goes: on any thread.
template <class T>
using pooled = std::unique_ptr<T, detail::end_pooled<T>>;

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
    for (pooled<T>& object : out) object.reset();
    detail::batch_room room{out.size()};
    void** const blocks = room.data();
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
    std::unique_ptr<void, detail::give_back> unless_made{block, {&blocks_}};
    T* const object = std::construct_at(static_cast<T*>(block), std::forward<A>(arguments)...);
    (void)unless_made.release();
    return {object, {&blocks_}};
  }

  detail::bounded_blocks blocks_;
};

}  // namespace weft

// Where fibers get their stacks from, and leave them.
//
//     fiber <- one by one -> stack_cache (worker) <- batches -> stack_depot (runtime) <- arenas -> kernel
//
// A cache is a few arrays of addresses, last in first out, so that a stack that is handed out was just in use
// and its pages are in the cache and the TLB. Nothing about a free stack is kept in its memory: give() may be
// called by the fiber that still runs on it.
//
// The first touch of a fresh stack costs 1,500 ns and freeing its page 1,400, against 2 for take(): memory
// goes back to the kernel only in trim(), which a worker calls when it has nothing else to do.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/pools/arena_map.hpp>
#include <weft/pools/guard.hpp>
#include <weft/pools/pool_lock.hpp>
#include <weft/pools/sanitizer.hpp>
#include <weft/pools/stack_arena.hpp>
#include <weft/pools/stack_class.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

class stack_cache;

struct stack_depot_options {
  /// Free stacks that keep their pages through trim().
  std::size_t warm = 500;
  /// Keep so many more as the last burst needed: grow when more than 90 % of what is kept was in use at once,
  /// shrink when less than 30 % was in `adapt_every` (a guess), and never below `warm`.
  bool adaptive = false;
  std::chrono::nanoseconds adapt_every = std::chrono::seconds{10};
  /// The NUMA node that pages come from as long as it has any; none: of the thread that touches them first.
  std::optional<unsigned> node = std::nullopt;
  /// Begin with this kind of guard, untried; else with the best that a trial shows to work. The simulator's
  /// worlds, of which there are millions, do without system calls for guards, and with small arenas.
  std::optional<guard_kind> guard = simulated ? std::optional{guard_kind::canary} : std::nullopt;
  /// Address space reserved at a time; rounded up to 2 MiB, halved while the kernel refuses.
  std::size_t arena_bytes = simulated ? stack_chunk : 1024 * mib;
  /// How many guards the process may have by mprotect; 0: as many as vm.max_map_count allows.
  std::size_t mprotect_guards_max = simulated ? 1 : 0;
  /// Hears of a stack that comes back with its canary overwritten, on that very stack; if it returns, the
  /// stack is used again. nullptr: abort, because the neighbour's stack is likely damaged.
  void (*overflown)(stack_class size, const std::byte* base) noexcept = nullptr;
};

/// Arenas, and all free stacks that no cache holds. Before it goes, caches must be gone and stacks back.
class stack_depot {
 public:
  explicit stack_depot(stack_depot_options options = {}) noexcept;
  stack_depot(const stack_depot&) = delete;
  stack_depot& operator=(const stack_depot&) = delete;
  ~stack_depot();

  /// The worst guard that a stack of this depot has, or would have now.
  guard_kind guards() const noexcept { return worst_.load(std::memory_order_relaxed); }

  /// Whether these are worse than the options say, or than the best there is.
  bool lacks_guards() const noexcept { return guards() > options_.guard.value_or(guard_kind::page_table); }

  /// Frees the pages of all free stacks but the warm set, and unmaps arenas in which nothing is in use, until
  /// `until`. True: it did not get to the end, call again.
  ///
  /// Safe from  any thread; the lock is not held while the kernel works.
  /// Cost       about 0.3 us per stack, in slices of a few milliseconds.
  bool trim(deadline until = deadline::never()) noexcept;

  /// A count while others go on is right for some moment in between, per cache.
  struct class_census {
    std::size_t in_use = 0;  // taken and not given back
    std::size_t warm = 0;    // free, perhaps with pages
    std::size_t cold = 0;    // free, without pages
    std::size_t mapped = 0;  // bytes of address space
    std::size_t arenas = 0;
    std::size_t high_water = 0;  // the most that were in use or in caches
  };
  struct census : class_census {
    std::array<class_census, stack_classes> by_class{};
    std::size_t kept = 0;       // free stacks that keep their pages, as things are
    std::size_t capacity = 0;   // that keep their pages when none is in use
    std::uint64_t batches = 0;  // that caches have taken
    std::uint64_t refused = 0;  // takes that got nothing: the kernel has none
  };
  census count() noexcept;

  /// When trim() should be called again because an adaptive depot keeps more than it may then need, in ns of
  /// steady_ns(); INT64_MAX: it does not.
  std::int64_t shrinks_at() noexcept;

 private:
  friend class stack_cache;
  using arena_list = intrusive_list<stack_arena>;

  /// Between one and `max` stacks, or 0: the kernel has none.
  std::size_t take(stack_class c, std::byte** out, std::size_t max) noexcept;
  void give(stack_class c, std::byte* const* stacks, std::size_t count) noexcept;
  bool worth_trimming(std::size_t cached) noexcept;
  void adapt() noexcept;
  void count_taken(stack_class c, std::size_t count) noexcept;
  void check_canary(stack_class c, std::byte* base) noexcept;

  std::size_t take_free(stack_class c, std::byte** out, std::size_t max) noexcept;
  std::byte* carve(stack_class c, stack_arena*& arena) noexcept;
  bool trim_slice() noexcept;
  void retire(stack_arena& arena) noexcept;
  void clean_some(stack_arena& arena, std::size_t surplus) noexcept;
  bool release_some() noexcept;

  static std::size_t at(stack_class c) noexcept { return static_cast<std::size_t>(c); }

  const stack_depot_options options_;
  const guard_kind best_;
  const std::size_t mprotect_max_;
  atomic<guard_kind> worst_;
  atomic<bool> canaries_;                // some stacks have no guard that traps; never cleared
  atomic<std::size_t> dirty_{0};         // free stacks here that may have pages; written under lock_
  atomic<bool> unfinished_{false};       // trim() has run out of time
  atomic<std::size_t> arenas_count_{0};  // written under lock_
  atomic<std::size_t> warm_;             // free stacks that keep their pages; written under lock_

  pool_lock lock_;  // guards the rest, and the arenas
  std::size_t arena_bytes_;
  std::array<arena_list, stack_classes> arenas_;
  arena_list dying_;  // unused, on their way to the kernel
  intrusive_list<stack_cache> caches_;
  std::size_t out_ = 0;  // stacks that have been taken: in use or in caches
  std::size_t high_water_ = 0;
  std::array<std::size_t, stack_classes> out_of_class_{};
  std::array<std::size_t, stack_classes> high_water_of_class_{};
  std::uint64_t batches_ = 0;
  std::uint64_t refused_ = 0;
  std::size_t capacity_;      // of an adaptive depot: how many it keeps pages for, those in use included
  std::size_t most_out_ = 0;  // since window_began_
  std::int64_t window_began_;
};

/// A worker's own free stacks. Its thread only, but for the depot's census.
class stack_cache : public list_node {
 public:
  explicit stack_cache(stack_depot& depot) noexcept;
  stack_cache(const stack_cache&) = delete;
  stack_cache& operator=(const stack_cache&) = delete;
  ~stack_cache();

  /// The lowest usable address of a stack of that class, whose top is usable(c) above; nullptr if no stack
  /// can be had. What the memory holds is undefined.
  ///
  /// Cost       2 ns; a lock per batch when the cache is empty.
  [[nodiscard]] std::byte* take(stack_class c) noexcept {
    std::byte* const base = take_cached(c);
    return base != nullptr ? base : take_slow(c);
  }

  /// take() that never asks the depot, which needs more stack than a fiber has to spare; nullptr: the cache
  /// is empty.
  [[nodiscard]] std::byte* take_cached(stack_class c) noexcept {
    shelf& s = shelves_[static_cast<std::size_t>(c)];
    const std::uint32_t n = s.count.load(std::memory_order_relaxed);
    if (n == 0) [[unlikely]]
      return nullptr;
    s.count.store(n - 1, std::memory_order_relaxed);
    std::byte* const base = s.stacks[n - 1];
    unpoison(base, usable(c));
    return base;
  }

  /// Takes a stack back. Its own fiber may call this and run on until its last switch: nothing is written to
  /// the stack, and nobody gets it before the next call of this cache. (The next take() of this class may
  /// well answer this very stack.)
  void give(stack_class c, std::byte* base) noexcept {
    shelf& s = shelves_[static_cast<std::size_t>(c)];
    const std::uint32_t n = s.count.load(std::memory_order_relaxed);
    if (n == capacity(c) || depot_.canaries_.load(std::memory_order_relaxed)) [[unlikely]]
      return give_slow(c, base);
    s.stacks[n] = base;
    s.count.store(n + 1, std::memory_order_relaxed);
  }

  /// For idle time: if there is more than the warm set, or many arenas, hands all of its own to the depot and
  /// trims that. True: there is more to free, call again.
  bool trim(deadline until = deadline::never()) noexcept;

  /// As of the depot.
  std::int64_t shrinks_at() const noexcept { return depot_.shrinks_at(); }

 private:
  friend class stack_depot;

  /// Stacks exchanged at a time: half of what a cache holds. Large stacks are rarer.
  static constexpr std::array<std::uint32_t, stack_classes> batches{64, 64, 32, 16, 8};
  static constexpr std::uint32_t batch(stack_class c) noexcept {
    return batches[static_cast<std::size_t>(c)];
  }
  static constexpr std::uint32_t capacity(stack_class c) noexcept { return 2 * batch(c); }

  struct shelf {
    atomic<std::uint32_t> count{0};  // written by the owner only, with plain stores; read by the census
    std::array<std::byte*, 128> stacks;
  };

  WEFT_NOINLINE std::byte* take_slow(stack_class c) noexcept;
  WEFT_NOINLINE void give_slow(stack_class c, std::byte* base) noexcept;
  void give_back(stack_class c, std::uint32_t count) noexcept;

  stack_depot& depot_;
  std::array<shelf, stack_classes> shelves_;
};

}  // namespace weft::detail

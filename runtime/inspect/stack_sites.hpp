// How much stack the fibers of each spawn site have used: what the stack census writes down when one ends.
//
// One table for the process, of fixed size, made when the first runtime asks for a census, and kept. A place
// in it is claimed by compare-exchange, and counts are added without a lock, so that workers do not wait for
// each other; they share lines, which is a price that is only paid while a census is taken.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include <weft/pools/stack_class.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class stack_sites {
 public:
  static constexpr std::size_t sites_max = 2048;  // a spawn site, in each class that it uses; a guess

  /// The table of the process. Null: there never was a census.
  static stack_sites* existing() noexcept { return table.load(std::memory_order_acquire); }
  /// Makes it, if it is not there. Throws std::bad_alloc.
  static void prepare();

  /// A fiber spawned at `site` has used `bytes`, whole pages. prepare() must have been called. Safe from any
  /// thread and any stack.
  static void add(std::source_location site, stack_class size, std::size_t bytes) noexcept;

  /// Measures the stack of the fiber that ends on it, adds it, and frees what is below the caller's frame, so
  /// that the next fiber there is measured from nothing. `at`: an address in the caller's frame.
  ///
  /// Cost       two system calls, about 2 us, and a page fault for each page that the next fiber touches.
  static void measure_and_clean(std::source_location site, stack_class size, std::byte* base,
                                const void* at) noexcept;

  /// Calls f(site, class, count, most, p99) for each, in bytes.
  template <class F>
  void for_each(F f) const {
    for (const entry& e : entries_) {
      if (e.key.load(std::memory_order_acquire) == 0) continue;
      const summary s = summary_of(e);
      if (s.count != 0) f(s);
    }
  }

  struct summary {
    std::source_location site;
    stack_class size;
    std::uint64_t count;
    std::size_t most;
    std::size_t p99;
  };

  /// Fibers that found no place.
  std::uint64_t left_out() const noexcept { return left_out_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t page = 4096;  // the unit of the buckets, whatever the kernel's is
  // The most pages that a bucket stands for.
  static constexpr std::array<std::uint16_t, 32> edges{1,  2,  3,  4,  5,   6,   7,   8,   9,   10, 11,
                                                       12, 13, 14, 15, 16,  20,  24,  28,  32,  40, 48,
                                                       56, 64, 80, 96, 112, 128, 160, 192, 224, 256};

  struct alignas(cache_line) entry {
    atomic<std::uintptr_t> key{0};  // the source_location, which is a pointer, and the class in its low bits
    atomic<std::size_t> most{0};
    std::array<atomic<std::uint32_t>, edges.size()> buckets{};
  };

  entry* find(std::uintptr_t key) noexcept;
  static summary summary_of(const entry& e) noexcept;

  static atomic<stack_sites*> table;

  std::array<entry, sites_max> entries_;
  atomic<std::uint64_t> left_out_{0};
};

}  // namespace weft::detail

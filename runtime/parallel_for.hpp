// parallel_for(): one call for each element of a range, on all workers at once.
//
// The elements are handed out in chunks from a common counter, to the calling fiber and to one child on each
// other worker, so whoever is faster does more. (Were the children not bound to their workers, the caller's
// own worker would start them at its first checkpoint, and the others would have nothing to steal.)
//
// Without a given size a chunk is as large as what takes about 100 us: each fiber doubles and halves its own
// by the clock, up to its share of half of what is left. So the cost of handing out (a clock, a counter, a
// checkpoint: 50 ns) vanishes, a stop is felt soon, other fibers get their turn, and all end at about the
// same time. Source of the shrinking share: Polychronopoulos and Kuck, "Guided Self-Scheduling", 1987.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <type_traits>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace detail {

/// How many workers the runtime of the calling fiber has, and which of them is the `n`th after its own.
unsigned workers_here() noexcept;
unsigned worker_after(unsigned n) noexcept;

/// The indices 0 .. count - 1, handed out to `takers` fibers.
struct shared_indices {
  const std::size_t count;
  const std::size_t chunk;  // 0: automatic
  const std::size_t takers;
  atomic<std::size_t> next{0};
  atomic<bool> left_early{false};  // some were not done
};

/// What one fiber takes of them.
class chunk_taker {
 public:
  explicit chunk_taker(shared_indices& of) noexcept : of_{of}, size_{of.chunk != 0 ? of.chunk : 1} {}

  /// Takes the next chunk: from begin() to end(). False: none is left.
  bool take() noexcept {
    if (of_.chunk == 0) adapt();
    begin_ = of_.next.fetch_add(size_, std::memory_order_relaxed);
    end_ = std::min(begin_ + size_, of_.count);
    return begin_ < of_.count;
  }

  std::size_t begin() const noexcept { return begin_; }
  std::size_t end() const noexcept { return end_; }

 private:
  static constexpr std::int64_t soon_ns = 50'000, late_ns = 200'000;  // about 100 us: see above

  void adapt() noexcept {
    const std::int64_t now = steady_ns();
    if (since_ != 0) {
      if (now - since_ < soon_ns) size_ *= 2;
      else if (now - since_ > late_ns) size_ = std::max<std::size_t>(size_ / 2, 1);
    }
    since_ = now;
    const std::size_t given = std::min(of_.next.load(std::memory_order_relaxed), of_.count);
    size_ = std::clamp<std::size_t>(size_, 1, (of_.count - given) / (2 * of_.takers) + 1);
  }

  shared_indices& of_;
  std::size_t size_;
  std::size_t begin_ = 0, end_ = 0;
  std::int64_t since_ = 0;  // when the present chunk was taken
};

// Calls f for what it can take.
template <class Iterator, class F>
result<void> for_each_taken(shared_indices& of, Iterator first, F& f) {
  using difference = std::iter_difference_t<Iterator>;
  chunk_taker mine{of};
  while (mine.take()) {
    WEFT_TRY(this_fiber::checkpoint());
    for (std::size_t i = mine.begin(); i != mine.end(); ++i) {
      if constexpr (std::is_void_v<std::invoke_result_t<F&, std::iter_reference_t<Iterator>>>)
        std::invoke(f, first[static_cast<difference>(i)]);
      else WEFT_TRY(std::invoke(f, first[static_cast<difference>(i)]));
    }
  }
  return {};
}

}  // namespace detail

/// Calls f(element) for every element, on all workers at once, in no particular order; `chunk` elements at a
/// time, 0: as the time they take suggests. f returns void or result<void>, is called by several fibers at
/// once, and may wait.
///
/// Blocks     the calling fiber, which works too, until all is done; after a failure, until all f have ended.
/// Errors     not all were done: the first failure of f, which stops the others, rethrown if it was an
///            exception; canceled; deadline_exceeded.
/// Cancelled  between two chunks, and in f as f is.
/// Safe from  fibers.
template <std::ranges::random_access_range R, class F>
  requires outcome<std::invoke_result_t<F&, std::ranges::range_reference_t<R>>>
[[nodiscard]] result<void> parallel_for(R&& range, F f, std::size_t chunk = 0) {
  const auto count = static_cast<std::size_t>(std::ranges::distance(range));
  if (count == 0) return {};
  const std::size_t chunks = chunk == 0 ? count : (count - 1) / chunk + 1;
  detail::shared_indices all{
      .count = count, .chunk = chunk, .takers = std::min<std::size_t>(detail::workers_here(), chunks)};
  const auto works = [&]() -> result<void> {
    const result<void> r = detail::for_each_taken(all, std::ranges::begin(range), f);
    if (!r) all.left_early.store(true, std::memory_order_relaxed);
    return r;
  };
  const result<void> r = with_nursery([&](nursery& n) -> result<void> {
    for (unsigned i = 1; i < all.takers; ++i)
      n.spawn(works, {.name = "parallel_for", .worker = detail::worker_after(i)});
    return works();
  });
  // A stop that came when all had been done changes nothing.
  if (!r && !all.left_early.load(std::memory_order_relaxed)) return {};
  return r;
}

}  // namespace weft

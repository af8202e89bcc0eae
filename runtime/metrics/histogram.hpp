// How long things took: counts in log-linear buckets, as HdrHistogram has them.
//
// Each power of two is cut into 32 buckets of one width, so that a bucket is at most 1/32 as wide as what
// lies in it, and the place of a number is a few bit operations. From 1 ns to 18 minutes that is 1152
// buckets, 9 KiB, however much is counted; what took longer counts as that long. Sum and maximum are exact.
//
// histogram_recorder is what one thread counts in, and any thread may read meanwhile; histogram is what such
// counts are merged into.
//
// Source: Tene, HdrHistogram, 2012.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft {

namespace detail {

class histogram_recorder;

/// The buckets of nanoseconds.
struct log_linear {
  static constexpr unsigned fraction_bits = 5;
  static constexpr unsigned value_bits = 40;
  static constexpr std::int64_t value_max = (std::int64_t{1} << value_bits) - 1;
  static constexpr std::size_t fractions = std::size_t{1} << fraction_bits;
  static constexpr std::size_t buckets = (value_bits - fraction_bits + 1) * fractions;

  /// Below 2 * fractions each number has its own.
  static constexpr std::size_t bucket_of(std::int64_t value) noexcept {
    const auto v = static_cast<std::uint64_t>(std::clamp(value, std::int64_t{0}, value_max));
    const auto shift = static_cast<unsigned>(std::bit_width(v | fractions)) - fraction_bits - 1;
    return shift * fractions + static_cast<std::size_t>(v >> shift);
  }

  /// The largest number that counts there.
  static constexpr std::int64_t last_of(std::size_t bucket) noexcept {
    const std::size_t shift = bucket < 2 * fractions ? 0 : bucket / fractions - 1;
    return (static_cast<std::int64_t>(bucket - shift * fractions + 1) << shift) - 1;
  }
};

}  // namespace detail

/// Holds memory from the first record() on. For one thread at a time.
class histogram {
 public:
  /// Counts a duration; one below zero as zero.
  void record(std::chrono::nanoseconds took, std::uint64_t times = 1);

  /// Counts all that `other` has counted too.
  void merge(const histogram& other);

  /// How many durations there are, in all and of at most `limit`; of those within 1/32 of the limit, some
  /// may be missed.
  std::uint64_t count() const noexcept;
  std::uint64_t count_up_to(std::chrono::nanoseconds limit) const noexcept;

  std::chrono::nanoseconds sum() const noexcept { return std::chrono::nanoseconds{sum_}; }
  std::chrono::nanoseconds max() const noexcept { return std::chrono::nanoseconds{max_}; }
  /// 0 if there are none.
  std::chrono::nanoseconds mean() const noexcept;

  /// The least duration that `fraction` of all, from 0 to 1, are not longer than; at most 1/32 too long. 0 if
  /// there are none.
  std::chrono::nanoseconds percentile(double fraction) const noexcept;

 private:
  friend class detail::histogram_recorder;

  std::vector<std::uint64_t> buckets_;  // as many as are needed
  std::int64_t sum_ = 0;
  std::int64_t max_ = 0;
};

namespace detail {

/// A thread's own counts. The owner records; anyone may read.
class histogram_recorder {
 public:
  /// Cost: 5 ns at most, no locked instruction.
  void record(std::int64_t ns, std::uint64_t times = 1) noexcept {
    buckets_[log_linear::bucket_of(ns)].add(times);
    sum_.add(ns * static_cast<std::int64_t>(times));
    if (ns > max_.get()) [[unlikely]]
      max_.set(ns);
  }

  /// Exact once the owner stands still; while it records, a count may be ahead of the sum.
  void add_to(histogram& all) const;

 private:
  exposed<std::int64_t> sum_, max_;
  std::array<exposed<std::uint64_t>, log_linear::buckets> buckets_;
};

}  // namespace detail
}  // namespace weft

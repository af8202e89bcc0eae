// How long requests had waited that were still not answered when a run ended: in a histogram's buckets, for
// an open loop may leave millions.
#pragma once

#include <cstdint>
#include <vector>

#include <weft/runtime/metrics/histogram.hpp>

class waits {
 public:
  /// So many requests that had waited `took` ns.
  void add(std::int64_t took, std::uint64_t requests) noexcept;
  void merge(const waits& other) noexcept;

  std::uint64_t count() const noexcept;

  /// Records in `latency`, if that has counted anything, those that are longer than all it has counted, and
  /// says how many these are. Each would have become longer still. The others say nothing: they had no time.
  std::uint64_t record_longest_in(weft::histogram& latency) const;

 private:
  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(weft::detail::log_linear::buckets);
  std::int64_t longest_ = 0;
};

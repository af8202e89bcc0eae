#include "waits.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>

using weft::detail::log_linear;

void waits::add(std::int64_t took, std::uint64_t requests) noexcept {
  buckets_[log_linear::bucket_of(took)] += requests;
  longest_ = std::max(longest_, took);
}

void waits::merge(const waits& other) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  longest_ = std::max(longest_, other.longest_);
}

std::uint64_t waits::count() const noexcept {
  return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0});
}

std::uint64_t waits::record_longest_in(weft::histogram& latency) const {
  if (latency.count() == 0) return 0;
  std::uint64_t recorded = 0;
  for (std::size_t i = log_linear::bucket_of(latency.max().count()) + 1; i < buckets_.size(); ++i) {
    latency.record(std::chrono::nanoseconds{std::min(log_linear::last_of(i), longest_)}, buckets_[i]);
    recorded += buckets_[i];
  }
  return recorded;
}

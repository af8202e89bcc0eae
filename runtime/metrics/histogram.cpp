#include <weft/runtime/metrics/histogram.hpp>

#include <cmath>
#include <numeric>

namespace weft {

using detail::log_linear;

void histogram::record(std::chrono::nanoseconds took, std::uint64_t times) {
  if (times == 0) return;
  const std::int64_t ns = std::max<std::int64_t>(took.count(), 0);
  const std::size_t bucket = log_linear::bucket_of(ns);
  if (buckets_.size() <= bucket) buckets_.resize(bucket + 1);
  buckets_[bucket] += times;
  sum_ += ns * static_cast<std::int64_t>(times);
  max_ = std::max(max_, ns);
}

void histogram::merge(const histogram& other) {
  if (buckets_.size() < other.buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::count() const noexcept {
  return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0});
}

std::uint64_t histogram::count_up_to(std::chrono::nanoseconds limit) const noexcept {
  if (limit >= max()) return count();
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < buckets_.size() && log_linear::last_of(i) <= limit.count(); ++i)
    found += buckets_[i];
  return found;
}

std::chrono::nanoseconds histogram::mean() const noexcept {
  const std::uint64_t all = count();
  return all == 0 ? std::chrono::nanoseconds{0}
                  : std::chrono::nanoseconds{sum_ / static_cast<std::int64_t>(all)};
}

std::chrono::nanoseconds histogram::percentile(double fraction) const noexcept {
  const std::uint64_t all = count();
  const double wanted = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(all));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::chrono::nanoseconds{std::min(log_linear::last_of(i), max_)};
  }
  return std::chrono::nanoseconds{max_};
}

namespace detail {

void histogram_recorder::add_to(histogram& all) const {
  std::size_t used = buckets_.size();
  while (used != 0 && buckets_[used - 1].get() == 0) --used;
  if (all.buckets_.size() < used) all.buckets_.resize(used);
  for (std::size_t i = 0; i < used; ++i) all.buckets_[i] += buckets_[i].get();
  all.sum_ += sum_.get();
  all.max_ = std::max(all.max_, max_.get());
}

}  // namespace detail
}  // namespace weft

#include "tally.hpp"

#include <chrono>
#include <numeric>

std::uint64_t totals::failed() const noexcept {
  return std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});
}

std::uint64_t count_waits(weft::histogram& latency, const std::vector<std::int64_t>& waits) {
  const std::chrono::nanoseconds longest = latency.max();
  std::uint64_t counted = 0;
  for (const std::int64_t wait : waits) {
    if (wait <= longest.count()) continue;
    latency.record(std::chrono::nanoseconds{wait});
    ++counted;
  }
  return counted;
}

std::uint64_t tally::failures() const noexcept {
  std::uint64_t all = 0;
  for (const auto& kind : failures_) all += kind.get();
  return all;
}

void tally::add_to(totals& all) const {
  all.requests += requests_.get();
  all.bytes += bytes_.get();
  for (std::size_t i = 0; i < failures_.size(); ++i) {
    all.failures[i] += failures_[i].get();
    if (last_errors_[i]) all.last_errors[i] = last_errors_[i];
  }
  all.waits.insert(all.waits.end(), waits_.begin(), waits_.end());
  latency_.add_to(all.latency);
}

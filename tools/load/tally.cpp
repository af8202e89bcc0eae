#include "tally.hpp"

#include <numeric>

std::uint64_t totals::failed() const noexcept {
  return std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});
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
  all.unanswered.merge(waits_);
  latency_.add_to(all.latency);
}

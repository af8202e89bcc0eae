// Which worker takes a new connection: the one that accepted it, unless it has far more than its share.
//
// The kernel spreads connections by a hash, which is even for many short ones and may be very uneven for a
// few long ones. So each worker counts its connections (worker::connections), whatever listener they came
// from, and one that has more than 8 above the mean passes a new one to the worker with the fewest. The
// counts are read without a lock: two workers that decide in the same moment may be off by one, which the
// next decision makes good.
#pragma once

#include <cstdint>

namespace weft::detail {

/// How far above the mean a worker may be. A guess: small beside the hundreds where imbalance shows in
/// latency, large beside the scatter of short connections; passing one on costs a wake-up of another worker.
inline constexpr unsigned connection_slack = 8;

/// The same for a worker that accepts for all, where the kernel spreads nothing: the few connections that a
/// proxy keeps to a unix socket would all be its own. Short connections, of which it has one or two at a
/// time, still stay with it.
inline constexpr unsigned connection_slack_alone = 1;

/// The worker for a connection that worker `self` of `workers` has accepted; count_of(w) are its connections.
/// Cost: a call per worker, none while `self` has no more than the slack.
template <class CountOf>
unsigned choose_worker(unsigned self, unsigned workers, CountOf count_of,
                       unsigned slack = connection_slack) noexcept {
  const std::uint64_t own = count_of(self);
  if (own <= slack) return self;  // the mean is not below 0
  std::uint64_t sum = 0, least_count = own;
  unsigned least = self;
  for (unsigned w = 0; w < workers; ++w) {
    const std::uint64_t n = count_of(w);
    sum += n;
    if (n < least_count) least = w, least_count = n;
  }
  // own > mean + slack, without the division
  return own * workers > sum + std::uint64_t{slack} * workers ? least : self;
}

}  // namespace weft::detail

// When the requests of an open loop are due: at a constant rate, whatever becomes of those before.
//
// Latencies are counted from these times, and not from when a request could be sent: a server that stalls is
// charged for every request that was due meanwhile. A closed loop waits for its answers, and so sends nothing
// while it should hear bad news: coordinated omission. Source: Tene, wrk2 and HdrHistogram, 2012.
#pragma once

#include <algorithm>
#include <cstdint>

class schedule {
 public:
  /// The first is due at `start`, by steady_ns(), and then one every `period` nanoseconds, more than 0.
  constexpr schedule(std::int64_t start, double period) noexcept : start_{start}, period_{period} {}

  /// When the request after `n` others is due.
  constexpr std::int64_t at(std::uint64_t n) const noexcept {
    return start_ + static_cast<std::int64_t>(static_cast<double>(n) * period_);
  }

  /// How many are due at `now`: at(n) <= now for so many of them.
  constexpr std::uint64_t due_by(std::int64_t now) const noexcept {
    if (now < start_) return 0;
    auto n = static_cast<std::uint64_t>(static_cast<double>(now - start_) / period_);
    while (at(n) <= now) ++n;  // at() rounds down, and so may this
    while (at(n - 1) > now) --n;
    return n;
  }

 private:
  std::int64_t start_;
  double period_;
};

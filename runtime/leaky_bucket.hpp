// A bucket that leaks drop by drop: admissions are spread evenly, and no burst comes through. It holds so
// many that wait; who comes when it is full is turned away at once.
//
// Two admissions are never closer than per / count. A wait ends at a tick of the timers (2^16 ns), so above
// some thousands per second the rate is lower than asked for: there a token_bucket is better.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/rate_limiter.hpp>

namespace weft {
namespace detail {

class leak_rule {
 public:
  explicit leak_rule(rate leaks) noexcept
      : interval_ns_{static_cast<double>(leaks.per.count()) / static_cast<double>(leaks.count)} {
    WEFT_ASSERT(leaks.count > 0 && leaks.per.count() > 0, "a leaky_bucket that does not leak");
  }

  std::size_t most() const noexcept { return std::numeric_limits<std::uint32_t>::max(); }

  std::int64_t take(std::int64_t now, std::size_t n) noexcept {
    if (now < next_) return next_;
    next_ = now + std::llround(std::ceil(interval_ns_ * static_cast<double>(n)));
    return now;
  }

 private:
  double interval_ns_;
  std::int64_t next_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace detail

/// Admits one at a time, `leaks.count` per `leaks.per`, while at most `waiting_max` wait; acquire() of one
/// more is errc::limit. acquire(n) is followed by the pause of n.
class leaky_bucket : public detail::rate_limiter<detail::leak_rule> {
 public:
  leaky_bucket(rate leaks, std::size_t waiting_max) noexcept
      : rate_limiter{detail::leak_rule{leaks}, waiting_max} {}
};

}  // namespace weft

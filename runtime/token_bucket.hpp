// A bucket that fills at a rate up to `burst` tokens; each admission takes some. After a quiet time a burst
// comes through at once, in the long run the rate. In any time t no more than burst + rate * t come through.
//
// The tokens are counted when somebody asks, from the time that has passed; nothing runs meanwhile.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/rate_limiter.hpp>

namespace weft {
namespace detail {

class token_rule {
 public:
  token_rule(rate fills, std::size_t burst) noexcept
      : per_ns_{static_cast<double>(fills.count) / static_cast<double>(fills.per.count())},
        burst_{burst},
        tokens_{static_cast<double>(burst)},
        counted_{steady_ns()} {
    WEFT_ASSERT(fills.count > 0 && fills.per.count() > 0, "a token_bucket that does not fill");
    WEFT_ASSERT(burst > 0, "a token_bucket that holds nothing");
  }

  std::size_t most() const noexcept { return burst_; }

  std::int64_t take(std::int64_t now, std::size_t n) noexcept {
    const double full = static_cast<double>(burst_), wanted = static_cast<double>(n);
    const double there = std::min(full, tokens_ + static_cast<double>(now - counted_) * per_ns_);
    if (there < wanted)
      return now + std::max<std::int64_t>(1, std::llround(std::ceil((wanted - there) / per_ns_)));
    tokens_ = there - wanted;
    counted_ = now;
    return now;
  }

 private:
  double per_ns_;
  std::size_t burst_;
  double tokens_;  // at counted_
  std::int64_t counted_;
};

}  // namespace detail

/// Admits `fills.count` per `fills.per`, and `burst` at once. Begins full. acquire(n), try_acquire(n).
class token_bucket : public detail::rate_limiter<detail::token_rule> {
 public:
  token_bucket(rate fills, std::size_t burst) noexcept : rate_limiter{detail::token_rule{fills, burst}} {}
};

}  // namespace weft

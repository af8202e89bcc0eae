// At most `count` in any stretch of time as long as `per`, wherever it begins: what a service means that says
// "100 requests per minute".
//
// It remembers when the last `count` were admitted: eight bytes each, allocated once. One more may come as
// soon as the oldest of them is out of the window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/rate_limiter.hpp>

namespace weft {
namespace detail {

class window_rule {
 public:
  explicit window_rule(rate most)
      : length_ns_{most.per.count()}, admitted_(most.count, std::numeric_limits<std::int64_t>::min() / 2) {
    WEFT_ASSERT(most.count > 0 && most.per.count() > 0, "a sliding_window that admits nobody");
  }

  std::size_t most() const noexcept { return admitted_.size(); }

  std::int64_t take(std::int64_t now, std::size_t n) noexcept {
    if (n == 0) return now;
    if (const std::int64_t at = admitted_[(oldest_ + n - 1) % admitted_.size()] + length_ns_; at > now)
      return at;
    for (; n != 0; --n) {
      admitted_[oldest_] = now;
      oldest_ = (oldest_ + 1) % admitted_.size();
    }
    return now;
  }

 private:
  std::int64_t length_ns_;
  std::vector<std::int64_t> admitted_;  // when, as a ring
  std::size_t oldest_ = 0;
};

}  // namespace detail

/// Admits `most.count` in any `most.per`. acquire(n), try_acquire(n).
class sliding_window : public detail::rate_limiter<detail::window_rule> {
 public:
  explicit sliding_window(rate most) : rate_limiter{detail::window_rule{most}} {}
};

}  // namespace weft

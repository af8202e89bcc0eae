// Whether a peer sends its body as fast as is asked of it.
//
// A budget of time for which the peer may be waited for: the grace at first, and never more. Waiting takes
// from it, and each byte that comes gives back what it may take at the rate. So who sends at the rate or
// faster may go on for ever, and pause for as long as the grace; who sends nothing has the grace; who sends
// at half the rate, twice that. Only waiting counts: a handler that takes its time slows down its peer too,
// by flow control, and that is no fault of the peer's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weft::http::detail {

/// What is asked of a peer that sends a body.
struct body_rate {
  std::size_t bytes_per_second = 16 << 10;  // 0: nothing is asked
  std::chrono::nanoseconds grace = std::chrono::seconds{10};
};

class body_pace {
 public:
  void begin(const body_rate& asked) noexcept {
    rate_ = asked.bytes_per_second;
    budget_ = grace_ = asked.grace.count();
  }

  /// Whether anything is asked.
  bool matters() const noexcept { return rate_ != 0; }

  /// For how long the peer may be waited for now; not above zero: it is too slow.
  std::chrono::nanoseconds left() const noexcept { return std::chrono::nanoseconds{budget_}; }

  /// Accounts for a wait, and for what came of it.
  void waited(std::chrono::nanoseconds time, std::size_t bytes) noexcept {
    constexpr double second = 1e9;
    const double gained = static_cast<double>(bytes) * second / static_cast<double>(rate_);
    const double budget = static_cast<double>(budget_ - time.count()) + gained;
    budget_ = budget < static_cast<double>(grace_) ? static_cast<std::int64_t>(budget) : grace_;
  }

 private:
  std::size_t rate_ = 0;
  std::int64_t grace_ = 0;  // ns, as is the next
  std::int64_t budget_ = 0;
};

}  // namespace weft::http::detail

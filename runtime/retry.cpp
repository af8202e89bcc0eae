#include <weft/runtime/retry.hpp>

#include <algorithm>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/park.hpp>

namespace weft {
namespace {

// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): any state will do.
std::uint64_t next_random(std::uint64_t& state) noexcept {
  std::uint64_t x = state += 0x9e37'79b9'7f4a'7c15u;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9u;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11ebu;
  return x ^ (x >> 31);
}

// 0 <= x < 1.
double next_fraction(std::uint64_t& state) noexcept {
  return static_cast<double>(next_random(state) >> 11) * 0x1p-53;
}

bool worth_another(const retry_policy& policy, const std::error_code& error) noexcept {
  return policy.retryable != nullptr ? policy.retryable(error) : error != errc::canceled;
}

}  // namespace

// Two calls that begin in the same nanosecond are in two frames.
backoff::backoff(const retry_policy& policy) noexcept
    : policy_{policy},
      delay_ns_{static_cast<double>(policy.delay.count())},
      random_{policy.seed != 0 ? policy.seed
                               : static_cast<std::uint64_t>(detail::steady_ns()) ^
                                     static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this))} {
  WEFT_ASSERT(policy.delay >= policy.delay.zero() && policy.delay_max >= policy.delay,
              "a retry_policy needs 0 <= delay <= delay_max");
  WEFT_ASSERT(policy.factor >= 1, "a retry_policy whose waits shrink");
  WEFT_ASSERT(policy.jitter >= 0 && policy.jitter <= 1, "a jitter is a part: 0 to 1");
}

std::chrono::nanoseconds backoff::next() noexcept {
  const double whole = delay_ns_;
  delay_ns_ = std::min(whole * policy_.factor, static_cast<double>(policy_.delay_max.count()));
  return std::chrono::nanoseconds{
      static_cast<std::int64_t>(whole * (1 - policy_.jitter * next_fraction(random_)))};
}

namespace detail {

retrier::retrier(const retry_policy& policy, deadline until) noexcept
    : policy_{policy}, until_{until}, waits_{policy}, left_{policy.attempts_max} {
  WEFT_ASSERT(left_ > 0, "a retry_policy without attempts");
}

bool retrier::again(std::error_code& error) noexcept {
  if (--left_ == 0 || !worth_another(policy_, error)) return false;
  const deadline next{std::max(waits_.next(), std::chrono::nanoseconds{1})};
  if (next >= std::min(until_, deadline_here())) return false;
  wait w{/*cancellable=*/true};
  if (park(w, next, park_reason::retry) != wake_reason::canceled) return true;
  error = make_error_code(errc::canceled);
  return false;
}

}  // namespace detail
}  // namespace weft

// retry(): calls what may fail for a while again, after growing waits.
//
// The wait before the n-th repetition is delay * factor^(n-1), at most delay_max, less a random part of it
// (the jitter), so that those who failed together do not come back together. Source: M. Brooker, "Exponential
// Backoff And Jitter", AWS Architecture Blog, 2015.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <system_error>
#include <type_traits>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft {

/// How often, how long, and after what.
struct retry_policy {
  /// Calls in all, the first included; at least 1.
  unsigned attempts_max = 5;
  /// The wait before the first repetition, and the longest.
  std::chrono::nanoseconds delay = std::chrono::milliseconds{10};
  std::chrono::nanoseconds delay_max = std::chrono::seconds{10};
  /// By how much each wait is longer than the one before; at least 1.
  double factor = 2;
  /// The part of a wait that is random: 0 (none) to 1 (from nothing to all of it).
  double jitter = 0.5;
  /// Where the randomness begins; 0: anywhere. The same seed gives the same waits.
  std::uint64_t seed = 0;
  /// Whether an error is worth another call; by default all but canceled.
  bool (*retryable)(const std::error_code&) = nullptr;
};

/// The waits of one call.
class backoff {
 public:
  explicit backoff(const retry_policy& policy) noexcept;

  /// How long to wait before the next repetition.
  std::chrono::nanoseconds next() noexcept;

 private:
  retry_policy policy_;
  double delay_ns_;  // before jitter
  std::uint64_t random_;
};

namespace detail {

/// What a retry does after an attempt: sleeps and gives true, or gives false: `error` is the answer.
class retrier {
 public:
  retrier(const retry_policy& policy, deadline until) noexcept;

  bool again(std::error_code& error) noexcept;

 private:
  const retry_policy policy_;
  const deadline until_;
  backoff waits_;
  unsigned left_;
};

}  // namespace detail

/// Calls f, which returns a result, until it succeeds, and gives that.
///
/// Blocks     the calling fiber or thread, between the calls.
/// Errors     f's last, if it is not retryable, attempts_max calls were made, or the next wait would not end
///            before `until` or the caller's own deadline; canceled, if that ends a wait.
///            Rethrows what f throws.
/// Safe from  any fiber or thread.
template <std::invocable F>
  requires is_result<std::invoke_result_t<F&>>
[[nodiscard]] std::invoke_result_t<F&> retry(const retry_policy& policy, F&& f,
                                             deadline until = deadline::never()) {
  detail::retrier more{policy, until};
  for (;;) {
    std::invoke_result_t<F&> r = std::invoke(f);
    if (r) return r;
    std::error_code error = r.error();
    if (!more.again(error)) return std::unexpected(error);
  }
}

}  // namespace weft

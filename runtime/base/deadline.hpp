// A point in steady time by which a call must have returned.
//
// Implicit from a duration, counted from the construction of this object, or from a steady time point; never
// from the wall clock or a bare number. Options therefore hold durations, and a deadline is made where the
// waiting begins.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

#include <weft/runtime/base/clock.hpp>

namespace weft {

struct deadline {
  /// Never.
  constexpr deadline() noexcept = default;

  /// That far from now. Zero or less: try once, do not wait. Too far to count in nanoseconds: never.
  template <class R, class P>
  deadline(std::chrono::duration<R, P> in) noexcept : at{after(in)} {}

  /// That point. The wall clock does not convert.
  constexpr deadline(std::chrono::steady_clock::time_point point) noexcept
      : at{std::chrono::duration_cast<std::chrono::nanoseconds>(point.time_since_epoch()).count()} {}

  static constexpr deadline never() noexcept { return {}; }

  /// A deadline that has passed: try once, do not wait.
  static constexpr deadline past() noexcept {
    deadline d;
    d.at = std::numeric_limits<std::int64_t>::min();
    return d;
  }

  constexpr bool is_never() const noexcept { return at == std::numeric_limits<std::int64_t>::max(); }
  constexpr bool is_past() const noexcept { return at == std::numeric_limits<std::int64_t>::min(); }

  bool expired() const noexcept { return !is_never() && (is_past() || detail::steady_ns() >= at); }

  /// Zero once expired; nanoseconds::max() for never.
  std::chrono::nanoseconds remaining() const noexcept {
    if (is_never()) return std::chrono::nanoseconds::max();
    if (is_past()) return std::chrono::nanoseconds::zero();
    const std::int64_t now = detail::steady_ns();
    return std::chrono::nanoseconds{at > now ? at - now : 0};
  }

  auto operator<=>(const deadline&) const = default;

  /// Nanoseconds of the steady clock.
  std::int64_t at = std::numeric_limits<std::int64_t>::max();

 private:
  template <class R, class P>
  static std::int64_t after(std::chrono::duration<R, P> in) noexcept {
    using wide = std::chrono::duration<long double, std::nano>;
    if (!(in > std::chrono::duration<R, P>::zero())) return past().at;  // also NaN: do not wait
    const std::int64_t now = detail::steady_ns();
    const long double ns = wide{in}.count();
    if (ns >= static_cast<long double>(std::numeric_limits<std::int64_t>::max() - now)) return never().at;
    if constexpr (std::chrono::treat_as_floating_point_v<R>) return now + static_cast<std::int64_t>(ns) + 1;
    else return now + std::chrono::ceil<std::chrono::nanoseconds>(in).count();
  }
};

}  // namespace weft

// What a fiber can do to itself: the counterpart of std::this_thread.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/preempt/checkpoint.hpp>
#include <weft/runtime/stop.hpp>
#include <weft/runtime/stop_reason.hpp>

namespace weft {
namespace detail {

/// Parks until `until`. Errors: canceled, deadline_exceeded.
result<void> sleep(deadline until) noexcept;

/// The cold half of checkpoint(): something hurries the fiber.
result<void> check_hurried(fiber& self) noexcept;

/// checkpoint() and stop_reason() of a foreign thread.
result<void> check_thread() noexcept;
std::optional<stop_reason> thread_reason_to_stop() noexcept;

}  // namespace detail

namespace this_fiber {

/// Lets other ready fibers run first. On a foreign thread: std::this_thread::yield().
///
/// Cost       8 to 12 ns with another fiber ready (yield/2, yield/1000); 1 ns alone.
WEFT_ALWAYS_INLINE void yield() noexcept {
  if (detail::worker* const here = detail::worker::current()) [[likely]]
    here->yield();
  else std::this_thread::yield();
}

/// The id of the calling fiber; 0 on a foreign thread.
inline fiber_id get_id() noexcept {
  const detail::worker* const here = detail::worker::current();
  return here == nullptr || here->running() == nullptr ? fiber_id{} : here->running()->id;
}

/// The name that it was spawned with; empty on a foreign thread. Valid as long as the fiber.
inline std::string_view name() noexcept {
  const detail::worker* const here = detail::worker::current();
  return here == nullptr || here->running() == nullptr ? std::string_view{} : here->running()->title();
}

/// Whether it was asked to stop and no shield hides that.
inline bool stop_requested() noexcept {
  const detail::worker* const here = detail::worker::current();
  return here != nullptr && here->running() != nullptr && here->running()->wants_stop();
}

/// A token that is stopped when stop_requested() becomes true: it belongs to the innermost with_stop(),
/// nursery or shield around the call, and must not be used after that.
/// Cost: an allocation on the first call in each.
inline std::stop_token get_stop_token() {
  detail::fiber* const self = detail::current_fiber();
  return self == nullptr ? std::stop_token{} : detail::innermost_stop_token(*self);
}

/// Why it is to stop, if it is: also once its deadline has passed, on a foreign thread too.
inline std::optional<weft::stop_reason> stop_reason() noexcept {
  const detail::fiber* const self = detail::current_fiber();
  return self == nullptr ? detail::thread_reason_to_stop() : detail::reason_to_stop(*self);
}

/// Sleeps at least that long.
///
/// Blocks     the calling fiber or foreign thread.
/// Errors     canceled; deadline_exceeded, if the fiber's own deadline (with_deadline()) comes first.
/// Cost       a timer: 5 ns, and one look at the clock: 22.
template <class R, class P>
result<void> sleep_for(std::chrono::duration<R, P> time) noexcept {
  return detail::sleep(deadline{time});
}

/// Sleeps until then, never less.
inline result<void> sleep_until(deadline until) noexcept { return detail::sleep(until); }

/// Yields if it has run long, and tells whether to go on. For loops that make no other call of weft.
///
/// Errors     canceled, deadline_exceeded; on a foreign thread the latter (its with_deadline()).
[[nodiscard]] inline result<void> checkpoint() noexcept {
  detail::fiber* const self = detail::current_fiber();
  if (self == nullptr) return detail::check_thread();
  if (self->region.get() != 0) [[unlikely]]
    detail::yield_in_region(*self);
  else yield();
  if (self->hurried() || self->scopes != nullptr) [[unlikely]]
    return detail::check_hurried(*self);
  return {};
}

}  // namespace this_fiber
}  // namespace weft

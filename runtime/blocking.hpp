// blocking(f): runs f on a thread that may block, while the calling fiber waits and its worker goes on.
//
// The call lies in the caller's frame: the offload pool runs it, keeps its value or exception there, and
// wakes the fiber. Who gives up takes the call back out of the pool's queue; once f runs, nothing takes it
// back, so f may use the caller's stack. The pool is the runtime's, bounded by options.blocking_threads_max
// threads and options.blocking_queue_max calls that wait for one. Files use the same one where the ring
// cannot serve them.
#pragma once

#include <algorithm>
#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace detail {

/// A call on the pool, and the wait of the fiber for it.
struct offloaded_call : wait, offload_job {
  offloaded_call(void (*body_)(offloaded_call&) noexcept, bool cancellable_) noexcept;

  /// Returns once f has run. Otherwise it will not: canceled and deadline_exceeded, if it was still queued;
  /// limit.
  [[nodiscard]] std::error_code perform(deadline until) noexcept;

  static void run_on_thread(offload_job& self) noexcept;
  static void give_up(wait& self, wake_reason reason) noexcept;

  void (*body)(offloaded_call&) noexcept;
  offload_pool* pool;
};

template <class F>
struct typed_call : offloaded_call {
  using R = std::invoke_result_t<F>;
  using slot = std::conditional_t<
      std::is_void_v<R>, bool,
      std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, std::remove_cv_t<R>>>;

  typed_call(std::remove_reference_t<F>& f_, bool cancellable_) noexcept
      : offloaded_call{call, cancellable_}, f{f_} {}

  static void call(offloaded_call& self) noexcept {
    typed_call& c = static_cast<typed_call&>(self);
    try {
      if constexpr (std::is_void_v<R>) {
        std::invoke(std::forward<F>(c.f));
      } else if constexpr (std::is_reference_v<R>) {
        R&& r = std::invoke(std::forward<F>(c.f));
        c.value.emplace(&r);
      } else {
        c.value.emplace(std::invoke(std::forward<F>(c.f)));
      }
    } catch (...) {  // root of the pool's thread: goes on in the fiber
      c.thrown = std::current_exception();
    }
  }

  R take() {
    if (thrown != nullptr) [[unlikely]]
      std::rethrow_exception(std::move(thrown));
    if constexpr (std::is_reference_v<R>) return static_cast<R>(**value);
    else if constexpr (!std::is_void_v<R>) return std::move(*value);
  }

  std::remove_reference_t<F>& f;
  std::optional<slot> value{};
  std::exception_ptr thrown{};
};

}  // namespace detail

/// Runs f on a thread of the offload pool and gives what f gives.
///
/// Blocks     the calling fiber, until f has run, whatever happens.
/// Errors     rethrows what f throws. If the queue is full, f does not run: std::system_error with
///            errc::limit, as std::async throws when it gets no thread; if f returns a result, that error.
/// Cancelled  is no cancellation point.
/// Safe from  any fiber; on a foreign thread it just calls f.
/// Cost       two thread switches, about 10 us.
template <std::invocable F>
std::invoke_result_t<F> blocking(F&& f) {
  using R = std::invoke_result_t<F>;
  if (detail::current_fiber() == nullptr) return std::invoke(std::forward<F>(f));
  detail::typed_call<F> call{f, /*cancellable=*/false};
  if (const std::error_code error = call.perform(deadline::never())) [[unlikely]] {
    if constexpr (is_result<R>) return std::unexpected(error);
    else throw std::system_error{error, "weft::blocking"};
  }
  return call.take();
}

/// The same, but gives up while f is still queued; once f runs it waits for its end.
///
/// Errors     deadline_exceeded, canceled, limit (the queue is full): f has not run and will not. Rethrows
///            what f throws. A deadline that has passed lets nothing run.
/// Safe from  any fiber; on a foreign thread it just calls f.
template <std::invocable F>
[[nodiscard]] lifted<std::invoke_result_t<F>> blocking(F&& f, deadline until) {
  using R = std::invoke_result_t<F>;
  if (std::min(until, detail::deadline_here()).expired()) return std::unexpected(errc::deadline_exceeded);
  if (detail::current_fiber() == nullptr) {
    if constexpr (std::is_void_v<R>) {
      std::invoke(std::forward<F>(f));
      return {};
    } else {
      return std::invoke(std::forward<F>(f));
    }
  }
  detail::typed_call<F> call{f, /*cancellable=*/true};
  if (const std::error_code error = call.perform(until)) return std::unexpected(error);
  if constexpr (std::is_void_v<R>) {
    call.take();
    return {};
  } else {
    return call.take();
  }
}

namespace detail {

template <class F>
std::invoke_result_t<F&> call_offloaded(F&& f) {
  if constexpr (is_result<std::invoke_result_t<F&>>) return blocking(f, deadline::never());
  else return blocking(f);
}

}  // namespace detail

/// Runs f on the offload pool, beside the caller. Owns f, so detach() may abandon it.
///
/// Errors     if the queue is full, what blocking(f) does comes out of the join.
/// Cancelled  while queued, if f returns a result: its error is canceled. Any other f runs, and a
///            stop_token that it takes tells it.
/// Safe from  fibers.
template <body F>
task<returns_t<F>> spawn_blocking(F f, std::source_location site = std::source_location::current()) {
  return spawn(
      [f = std::move(f)]() mutable -> returns_t<F> {
        if constexpr (std::invocable<F&, std::stop_token>) {
          const std::stop_token stop = this_fiber::get_stop_token();
          return detail::call_offloaded([&]() -> returns_t<F> { return std::invoke(f, stop); });
        } else {
          return detail::call_offloaded(f);
        }
      },
      {}, site);
}

}  // namespace weft

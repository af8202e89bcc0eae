// For clean-up: while it lives, what hurries the fiber from outside does not reach it.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/park.hpp>

namespace weft {

class cancellation_shield {
 public:
  /// Hides from the calling fiber or thread that it was asked to stop, and gives it the deadline `at_most`
  /// instead of its own. A with_stop() or with_deadline() inside counts.
  ///
  /// Safe from  any fiber or thread; nests; ends where it began, as a local variable does.
  explicit cancellation_shield(deadline at_most = deadline::never()) noexcept;
  ~cancellation_shield();
  cancellation_shield(const cancellation_shield&) = delete;
  cancellation_shield& operator=(const cancellation_shield&) = delete;

 private:
  detail::fiber* const self_;
  detail::stop_scope* const scopes_;  // what the fiber is in, outside
  const deadline until_;              // its deadline, outside
};

/// Runs f so that neither cancellation nor the caller's deadline reaches it, but `at_most` does.
///
/// Safe from  any fiber or thread.
template <std::invocable F>
std::invoke_result_t<F> with_shield(deadline at_most, F&& f) {
  const cancellation_shield shielded{at_most};
  return std::invoke(std::forward<F>(f));
}

}  // namespace weft

// Cancelling a call from outside, by a token.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <weft/runtime/park.hpp>
#include <weft/runtime/stop_scope.hpp>

namespace weft {
namespace detail {

/// A scope whose cause is a std::stop_token.
class token_scope final : stop_scope {
 public:
  token_scope(fiber& self, std::stop_token token);
  ~token_scope();

 private:
  struct on_stop {
    token_scope* scope;
    void operator()() const noexcept;
  };

  std::stop_token token_of_cause() override { return token_; }

  const std::stop_token token_;
  stop_word stopped_{0};
  std::optional<std::stop_callback<on_stop>> callback_;
};

}  // namespace detail

/// Runs f so that a stop of `token` cancels it too, besides what cancels the caller anyway. Once f has
/// returned, the token no longer matters.
///
/// Errors     every cancellable wait in f ends with canceled once the token is stopped.
/// Safe from  fibers. On a foreign thread it is an assertion, where with_deadline() and with_shield() work: a
///            stop reaches a wait as a message to the fiber's worker, and a thread has none that could end
///            its waits.
/// Cost       a std::stop_callback, if the token can be stopped at all.
template <std::invocable F>
std::invoke_result_t<F> with_stop(std::stop_token token, F&& f) {
  detail::fiber* const self = detail::current_fiber();
  WEFT_ASSERT(self != nullptr, "with_stop() is for fibers");
  if (!token.stop_possible()) return std::invoke(std::forward<F>(f));
  const detail::token_scope stopped_by{*self, std::move(token)};
  return std::invoke(std::forward<F>(f));
}

}  // namespace weft

// What answers a request: a function of the request and the response that it fills.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/pools/stack_class.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

class request;
class response;

/// f(request&, response&) -> void or result<void>. Const-callable: all workers call it at once.
///
/// An error answers: as status_of() says; what it has no better answer for is 500, and reported.
/// What it throws is reported and answered 500, or 503 if it is std::bad_alloc. It may block: it runs in a
/// fiber. The request's views live until it returns.
template <class F>
concept handler = requires(const F& f, request& q, response& s) {
  requires std::is_void_v<decltype(f(q, s))> || std::same_as<decltype(f(q, s)), result<void>>;
};

struct route_options {
  /// How long the request may take, from the end of its head until its handler returns. Beyond, each wait of
  /// the handler ends with deadline_exceeded, which answers 504, and a body that has not come answers 408. A
  /// handler that only computes is not interrupted; fibers that it spawns have this deadline, a nursery's
  /// have the nursery's. 0: none, but the body has server_options.request.
  std::chrono::nanoseconds deadline{};
  /// The largest body that the route takes: 413 beyond.
  std::size_t body_max = 1 << 20;
  /// The stack of the fiber that its handler runs in, middleware included.
  stack_class stack = stack_class::kib64;
  /// Bytes per second that its requests' bodies must come with at least, in place of
  /// server_options.body_rate; 0: however slowly. For streams in which a client says something now and then.
  std::optional<std::size_t> body_rate{};
};

namespace detail {

/// A handler of any type. One virtual call per request, and no allocation but the one at registration.
struct any_handler {
  virtual ~any_handler() = default;
  virtual result<void> operator()(request&, response&) const = 0;
};

template <handler F>
struct handler_of final : any_handler {
  explicit handler_of(F given) : f{std::move(given)} {}

  result<void> operator()(request& q, response& s) const override {
    if constexpr (std::is_void_v<decltype(f(q, s))>) {
      f(q, s);
      return {};
    } else {
      return f(q, s);
    }
  }

  F f;
};

using handler_pointer = std::unique_ptr<const any_handler>;

template <handler F>
handler_pointer make_handler(F f) {
  return std::make_unique<const handler_of<F>>(std::move(f));
}

}  // namespace detail
}  // namespace weft::http

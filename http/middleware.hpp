// What stands around handlers: a function that is called in their stead, with `next` to go on with.
//
// What it does before it calls next() happens before the handler, what it does behind it after, and if it
// does not call it, the handler does not run: middleware is before, after and around in one. The order is
// that of registration, and an outer router's comes before its group's. Middleware of a router applies to all
// of its routes and its groups', wherever use() stands among them; to precompiled ones too, which then need a
// fiber, and to what weft answers for a path by itself (OPTIONS, 405); a path's own answers take the
// middleware of its outermost route. What no route matches (404) takes the middleware of the router that the
// server was given. No middleware sees what is refused before there is a path: malformed requests, unknown
// methods (501), CONNECT, `OPTIONS *`, and a Content-Length beyond the route's (413).
//
// Fields that middleware sets stay in the response when the handler fails: those that the handler set go.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <weft/http/handler.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

namespace detail {
class chain;
}

/// The rest of the way to the handler. Valid until the middleware returns; calling it twice goes there twice.
class next {
 public:
  /// Runs what comes behind this middleware, and returns its outcome: an error is the answer, in the end, as
  /// that of a handler (see http::handler). What it throws comes through.
  ///
  /// Blocks     as the handler does.
  result<void> operator()() const;

 private:
  friend class detail::chain;

  next(const detail::chain& of, std::size_t at, request& q, response& s) noexcept
      : of_{of}, at_{at}, request_{q}, response_{s} {}

  const detail::chain& of_;
  std::size_t at_;
  request& request_;
  response& response_;
};

/// f(request&, response&, next) -> result<void>. Const-callable: all workers call it at once.
template <class F>
concept middleware = requires(const F& f, request& q, response& s, next n) {
  { f(q, s, n) } -> std::same_as<result<void>>;
};

namespace detail {

struct any_middleware {
  virtual ~any_middleware() = default;
  virtual result<void> operator()(request&, response&, next) const = 0;
};

template <middleware F>
struct middleware_of final : any_middleware {
  explicit middleware_of(F given) : f{std::move(given)} {}
  result<void> operator()(request& q, response& s, next n) const override { return f(q, s, n); }

  F f;
};

/// From the outermost to the innermost.
using middleware_list = std::vector<std::shared_ptr<const any_middleware>>;

/// A handler with its middleware around it. One virtual call for each, and no allocation.
class chain final : public any_handler {
 public:
  chain(middleware_list around, handler_pointer inside) noexcept
      : around_{std::move(around)}, inside_{std::move(inside)} {}

  result<void> operator()(request& q, response& s) const override;

 private:
  friend class http::next;

  struct undo;

  result<void> run(std::size_t from, request& q, response& s) const;

  middleware_list around_;
  handler_pointer inside_;
};

}  // namespace detail
}  // namespace weft::http

// Which handler answers which method and path. Filled before the server starts, and from then on only read.
//
// A pattern is a path: "/users", "/users/{id}" where {id} stands for one segment that is not empty,
// "/files/{path...}" where the last stands for all that is left, even nothing. Literal segments win over
// {id}, and {id} over {path...}, from left to right. Patterns and requests are compared percent-decoded,
// except that an encoded slash never separates segments.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <weft/http/handler.hpp>
#include <weft/http/method.hpp>
#include <weft/http/precompiled.hpp>

namespace weft::http {

namespace detail {
struct route;
}

class router {
 public:
  router();
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;
  ~router();

  /// Adds a route. A path with GET also answers HEAD; every path answers OPTIONS; other methods get 405 with
  /// Allow. A pattern that is not well formed, or that was given before for this method, is an assertion.
  template <handler F>
  router& get(std::string_view pattern, F f, route_options o = {}) {
    return add(method::get, pattern, detail::make_handler(std::move(f)), o);
  }
  template <handler F>
  router& post(std::string_view pattern, F f, route_options o = {}) {
    return add(method::post, pattern, detail::make_handler(std::move(f)), o);
  }
  template <handler F>
  router& put(std::string_view pattern, F f, route_options o = {}) {
    return add(method::put, pattern, detail::make_handler(std::move(f)), o);
  }
  template <handler F>
  router& patch(std::string_view pattern, F f, route_options o = {}) {
    return add(method::patch, pattern, detail::make_handler(std::move(f)), o);
  }
  template <handler F>
  router& del(std::string_view pattern, F f, route_options o = {}) {
    return add(method::del, pattern, detail::make_handler(std::move(f)), o);
  }
  /// Every method but CONNECT, where no route of its own is given for one.
  template <handler F>
  router& any(std::string_view pattern, F f, route_options o = {}) {
    return add_any(pattern, detail::make_handler(std::move(f)), o);
  }
  /// A fixed answer, which needs no fiber.
  router& get(std::string_view pattern, precompiled answer);

  /// For weft itself.
  std::vector<std::unique_ptr<detail::route>>& routes() noexcept { return routes_; }

 private:
  router& add(method m, std::string_view pattern, detail::handler_pointer f, route_options o);
  router& add_any(std::string_view pattern, detail::handler_pointer f, route_options o);
  router& add_route(std::unique_ptr<detail::route> r);

  std::vector<std::unique_ptr<detail::route>> routes_;
};

}  // namespace weft::http

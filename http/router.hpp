// Which handler answers which method and path. Filled before the server starts, and from then on only read.
//
// A pattern is a path, in front of which a host may stand: "/users", "/users/{id}" where {id} stands for one
// segment that is not empty, "/files/{path...}" where the last stands for all that is left, even nothing;
// "example.org/users". Literal text wins over {id}, and {id} over {path...}, from left to right; patterns
// with the request's host, which is compared without its case and its port, win over those without one. The
// pattern that wins decides, whatever the method is: if it does not have it, that is 405. Paths are compared
// percent-decoded, except that an encoded slash never separates segments. A slash at the end counts, and
// nothing is redirected or tidied up: /a, /a/ and /b/../a are three paths.
#pragma once

#include <memory>
#include <string_view>

#include <weft/http/handler.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/middleware.hpp>
#include <weft/http/precompiled.hpp>

namespace weft::http {

namespace detail {
struct route_list;
}

class router {
 public:
  router();
  router(router&&) noexcept;
  router& operator=(router&&) noexcept;
  ~router();

  /// Adds a route. A path with GET also answers HEAD; every path answers OPTIONS; other methods get 405 with
  /// Allow. A pattern that is not well formed, or that was given before for this method, be it with other
  /// names of parameters, is an assertion.
  template <handler F>
  router& get(std::string_view pattern, F f, route_options o = {}) {
    return add(method::get, pattern, detail::make_handler(std::move(f)), o);
  }
  template <handler F>
  router& head(std::string_view pattern, F f, route_options o = {}) {
    return add(method::head, pattern, detail::make_handler(std::move(f)), o);
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
  template <handler F>
  router& options(std::string_view pattern, F f, route_options o = {}) {
    return add(method::options, pattern, detail::make_handler(std::move(f)), o);
  }
  /// Every method but CONNECT, where no route of its own is given for one.
  template <handler F>
  router& any(std::string_view pattern, F f, route_options o = {}) {
    return add(method::other, pattern, detail::make_handler(std::move(f)), o);
  }
  /// CONNECT, whatever authority it names: the handler checks that, and hijacks the response. Without this,
  /// CONNECT is answered 405. A second time is an assertion.
  template <handler F>
  router& connect(F f, route_options o = {}) {
    return add(method::connect, "/", detail::make_handler(std::move(f)), o);
  }
  /// A fixed answer, which needs no fiber unless there is middleware around it.
  router& get(std::string_view pattern, precompiled answer);

  /// Puts middleware around all routes of this router and its groups: see middleware.hpp.
  template <middleware F>
  router& use(F f) {
    return add_middleware(std::make_shared<const detail::middleware_of<F>>(std::move(f)));
  }

  /// A router whose patterns begin with `prefix`, and whose middleware is its own, inside of this one's. The
  /// prefix is a pattern that does not end with a slash: "/api", "/users/{id}", "example.org" for the routes
  /// of one host, "example.org/api"; or nothing. In a group "" is a pattern too: that of the prefix itself.
  /// What is not there at or below the prefix is answered 404 inside of its middleware as well; of groups
  /// with one prefix, inside of the first one's that has some.
  /// The group belongs to this router, and stays where it is when this is moved.
  router& group(std::string_view prefix);

  /// For weft itself. Leaves the router empty.
  std::unique_ptr<detail::route_list> take_routes() noexcept;

 private:
  explicit router(detail::route_list& outer, std::string_view prefix);

  /// method::other: any.
  router& add(method m, std::string_view pattern, detail::handler_pointer f, route_options o);
  router& add_middleware(std::shared_ptr<const detail::any_middleware> m);

  std::unique_ptr<detail::route_list> list_;
};

}  // namespace weft::http

#include <weft/http/router.hpp>

#include <weft/http/route_table.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

router::router() = default;
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

router& router::add_route(std::unique_ptr<detail::route> r) {
  WEFT_ASSERT(detail::is_pattern(r->pattern),
              "a pattern is a path with segments such as a, {id}, and last {rest...}");
  for (const auto& other : routes_) {
    const bool same =
        other->pattern == r->pattern && other->any_method == r->any_method && other->method == r->method;
    WEFT_ASSERT(!same, "this pattern was given before");
  }
  routes_.push_back(std::move(r));
  return *this;
}

router& router::add(method m, std::string_view pattern, detail::handler_pointer f, route_options o) {
  auto r = std::make_unique<detail::route>();
  r->pattern = pattern;
  r->method = m;
  r->call = std::move(f);
  r->options = o;
  return add_route(std::move(r));
}

router& router::add_any(std::string_view pattern, detail::handler_pointer f, route_options o) {
  auto r = std::make_unique<detail::route>();
  r->pattern = pattern;
  r->any_method = true;
  r->call = std::move(f);
  r->options = o;
  return add_route(std::move(r));
}

router& router::get(std::string_view pattern, precompiled answer) {
  auto r = std::make_unique<detail::route>();
  r->pattern = pattern;
  r->answer = std::move(answer);
  return add_route(std::move(r));
}

}  // namespace weft::http

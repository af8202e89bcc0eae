#include <weft/http/router.hpp>

#include <string>
#include <utility>

#include <weft/http/route_list.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

using detail::route_list;

router::router() : list_{std::make_unique<route_list>()} {}
router::router(route_list& outer, std::string_view prefix) : router{} {
  list_->outer = &outer;
  list_->prefix = outer.prefix;
  list_->prefix += prefix;
}
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

std::unique_ptr<route_list> router::take_routes() noexcept { return std::move(list_); }

router& router::add(method m, std::string_view pattern, detail::handler_pointer f, route_options o) {
  const std::string whole = list_->prefix + std::string{pattern};
  auto r = std::make_unique<detail::route>();
  WEFT_ASSERT(detail::parse_pattern(whole, r->pattern),
              "a pattern is a path with segments such as a, {id}, and last {rest...}");
  route_list* root = list_.get();
  while (root->outer != nullptr) root = root->outer;
  const bool is_new =
      root->taken.insert(std::to_string(static_cast<int>(m)) + ' ' + r->pattern.shape()).second;
  WEFT_ASSERT(is_new, "this pattern was given before");
  r->names = r->pattern.names();
  r->method = m;
  r->call = std::move(f);
  r->options = o;
  list_->routes.push_back(std::move(r));
  return *this;
}

router& router::get(std::string_view pattern, precompiled answer) {
  add(method::get, pattern, nullptr, {});
  list_->routes.back()->answer = std::move(answer);
  return *this;
}

router& router::add_middleware(std::shared_ptr<const detail::any_middleware> m) {
  list_->around.push_back(std::move(m));
  return *this;
}

router& router::group(std::string_view prefix) {
  WEFT_ASSERT(!prefix.ends_with('/'), "a group's prefix does not end with a slash");
  return *list_->groups.emplace_back(new router{*list_, prefix});
}

}  // namespace weft::http

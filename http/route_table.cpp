#include <weft/http/route_table.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/target.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {
namespace {

constexpr std::size_t index(http::method m) noexcept { return static_cast<std::size_t>(m); }

}  // namespace

std::optional<std::string_view> path_parameters::find(std::string_view name) const noexcept {
  if (names == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i)
    if ((*names)[i] == name) return all[i];
  return std::nullopt;
}

route_table::route_table(router routes) {
  auto list = routes.take_routes();
  const middleware_list outermost = list->around;
  collect(std::move(list), {}, {});
  for (const auto& r : routes_) {
    if (r->method != http::method::other) continue;
    auto& methods = resource_of(r->pattern).by_method;
    for (std::size_t m = 0; m < method_count; ++m)
      if (methods[m] == nullptr && m != index(http::method::connect)) methods[m] = r.get();
  }
  for (auto& r : resources_) finish(*r);
  make_nothing(nothing_, outermost, {});
  std::ranges::sort(hosts_, {}, &host_paths::host);
  constexpr std::string_view all = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";
  options_answer_ = std::make_unique<response_block>(status::no_content, all, "");
  not_allowed_ = std::make_unique<response_block>(status::method_not_allowed, all, "");
}

// Takes over the routes of `list`, which stand inside of `around`, then those of its groups.
void route_table::collect(std::unique_ptr<route_list> list, middleware_list around,
                          std::string_view outer_prefix) {
  around.insert(around.end(), list->around.begin(), list->around.end());
  const middleware_list& all = *lists_.emplace_back(std::make_unique<middleware_list>(std::move(around)));
  for (auto& r : list->routes) add(std::move(r), all);
  if (!list->around.empty() && list->prefix != outer_prefix) make_nothing_beneath(list->prefix, all);
  for (auto& g : list->groups) collect(g->take_routes(), all, list->prefix);
}

void route_table::add(std::unique_ptr<route> r, const middleware_list& around) {
  const bool tunnels = r->method == http::method::connect;  // which has no path
  resource* const of = tunnels ? nullptr : &resource_of(r->pattern);
  if (of != nullptr && of->around == nullptr) {
    of->around = &around;
    of->names = &r->names;
  }
  if (!around.empty()) {
    if (r->answer) r->call = make_handler([answer = *r->answer](request&, response& s) { s.send(answer); });
    r->answer.reset();
    r->call = std::make_unique<const chain>(around, std::move(r->call));
  }
  if (tunnels) {
    WEFT_ASSERT(connect_ == nullptr, "a second handler of CONNECT");
    connect_ = r.get();
  } else if (r->method != http::method::other) {
    of->by_method[index(r->method)] = r.get();
  }
  routes_.push_back(std::move(r));
}

route_table::host_paths& route_table::paths_of(const pattern& p) {
  if (p.host.empty()) return anywhere_;
  const auto known = std::ranges::find(hosts_, p.host, &host_paths::host);
  return known != hosts_.end() ? *known : hosts_.emplace_back(host_paths{.host = p.host});
}

resource& route_table::resource_of(const pattern& p) {
  const resource*& place = paths_of(p).routes.at(p);
  if (place == nullptr) place = resources_.emplace_back(std::make_unique<resource>()).get();
  return const_cast<resource&>(*place);  // which is ours
}

// A route for what weft answers by itself, where there is middleware around it.
const route* route_table::derive(const middleware_list& around, const std::vector<std::string>& names,
                                 handler_pointer inside) {
  auto r = std::make_unique<route>();
  r->names = names;
  r->call = std::make_unique<const chain>(around, std::move(inside));
  r->options.body_max = SIZE_MAX;  // which nobody reads
  return routes_.emplace_back(std::move(r)).get();
}

// Derives what every resource answers by itself.
void route_table::finish(resource& r) {
  auto& head = r.by_method[index(http::method::head)];
  if (head == nullptr) head = r.find(http::method::get);
  for (std::size_t m = 0; m < method_count; ++m) {
    const std::string_view name = method_name(static_cast<http::method>(m));
    if (name.empty() || (r.by_method[m] == nullptr && m != index(http::method::options))) continue;
    r.allow += (r.allow.empty() ? "" : ", ") + std::string{name};
  }
  static constexpr std::string_view phrase = "Method Not Allowed\n";
  const std::string field = "Allow: " + r.allow + "\r\n";
  r.not_allowed = std::make_unique<response_block>(status::method_not_allowed,
                                                   field + "Content-Type: text/plain\r\n", phrase);
  r.options_answer = std::make_unique<response_block>(status::no_content, field, "");
  if (r.around->empty()) return;
  auto& options = r.by_method[index(http::method::options)];
  if (options == nullptr)
    options = derive(*r.around, *r.names, make_handler([allow = r.allow](request&, response& s) {
      s.status(status::no_content).header("Allow", allow);
    }));
  const route* const refusal =
      derive(*r.around, *r.names, make_handler([allow = r.allow](request&, response& s) {
        s.status(status::method_not_allowed).header("Allow", allow).header("Content-Type", "text/plain");
        s.text(phrase);
      }));
  for (const route*& m : r.by_method)
    if (m == nullptr) m = refusal;
}

// What is not there, and the middleware around it.
void route_table::make_nothing(resource& r, const middleware_list& around,
                               const std::vector<std::string>& names) {
  static constexpr std::string_view phrase = "Not Found\n";
  const auto block = [&] {
    return std::make_unique<response_block>(status::not_found, "Content-Type: text/plain\r\n", phrase);
  };
  r.not_allowed = block();
  r.options_answer = block();
  if (around.empty()) return;
  const auto answer = [](request&, response&) -> result<void> { return std::unexpected(status::not_found); };
  r.by_method.fill(derive(around, names, make_handler(answer)));
}

// The same for the paths at and below a group's prefix, where no other group was first.
void route_table::make_nothing_beneath(const std::string& prefix, const middleware_list& around) {
  pattern p;
  const bool is_path = parse_pattern(prefix, p);  // else a host
  const std::vector<std::string> names = p.names();
  resource& r = *nothings_.emplace_back(std::make_unique<resource>());
  make_nothing(r, around, names);
  const auto claim = [&] {
    const resource*& place = paths_of(p).groups.at(p);
    if (place == nullptr) place = &r;
  };
  if (is_path) claim();
  if (names.size() == parameters_max || !parse_pattern(prefix + '/', p)) return;
  p.parts.push_back({pattern::kind::tail, {}});
  claim();
}

const route_table::host_paths* route_table::paths_of(std::string_view host) const noexcept {
  const auto before = [](const host_paths& t, std::string_view wanted) {
    return std::ranges::lexicographical_compare(t.host, wanted, {}, {}, to_lower);
  };
  const auto known = std::lower_bound(hosts_.begin(), hosts_.end(), host, before);
  return known != hosts_.end() && equals_ignoring_case(known->host, host) ? &*known : nullptr;
}

const resource& route_table::find(std::string_view authority, std::string_view path,
                                  path_parameters& parameters) const noexcept {
  const host_paths* const there = hosts_.empty() ? nullptr : paths_of(host_of(authority));
  const resource* found = nullptr;
  if (there != nullptr) found = there->routes.find(path, parameters);
  if (found == nullptr) found = anywhere_.routes.find(path, parameters);
  if (found == nullptr && there != nullptr) found = there->groups.find(path, parameters);
  if (found == nullptr) found = anywhere_.groups.find(path, parameters);
  return found != nullptr ? *found : nothing_;
}

}  // namespace weft::http::detail

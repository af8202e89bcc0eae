#include <weft/http/route_table.hpp>

#include <algorithm>

#include <weft/runtime/base/assert.hpp>

namespace weft::http::detail {
namespace {

bool is_parameter(std::string_view segment) noexcept { return segment.starts_with('{'); }
bool is_tail(std::string_view segment) noexcept { return segment.ends_with("...}"); }

// Takes the first segment off: "a" of "a/b", leaving "b".
std::string_view take_segment(std::string_view& path, bool& last) noexcept {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  last = slash == path.npos;
  path = last ? std::string_view{} : path.substr(slash + 1);
  return segment;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  for (bool last = false; !last;) segments.emplace_back(take_segment(path, last));
  return segments;
}

// How much a segment leaves open: the order in which patterns are tried.
int openness(std::string_view segment) noexcept {
  return !is_parameter(segment) ? 0 : is_tail(segment) ? 2 : 1;
}

bool is_more_specific(const std::unique_ptr<resource>& a, const std::unique_ptr<resource>& b) {
  const auto order = std::ranges::lexicographical_compare(a->segments, b->segments, {}, openness, openness);
  const auto reverse = std::ranges::lexicographical_compare(b->segments, a->segments, {}, openness, openness);
  return order != reverse ? order : a->pattern < b->pattern;
}

bool matches(const resource& r, std::string_view path, path_parameters& parameters) noexcept {
  parameters.count = 0;
  path.remove_prefix(1);
  bool last = false;
  for (const std::string& segment : r.segments) {
    if (last) return false;
    const std::string_view name{segment.data() + 1, segment.size() - (is_tail(segment) ? 5 : 2)};
    if (is_tail(segment)) {
      parameters.all[parameters.count++] = {name, path};
      return true;
    }
    const std::string_view given = take_segment(path, last);
    if (!is_parameter(segment)) {
      if (given != segment) return false;
    } else {
      if (given.empty()) return false;
      parameters.all[parameters.count++] = {name, given};
    }
  }
  return last;
}

bool is_parameter_name(std::string_view name) noexcept {
  return !name.empty() && name.find_first_of("{}./") == name.npos;
}

}  // namespace

bool is_pattern(std::string_view text) noexcept {
  if (!text.starts_with('/')) return false;
  std::string_view rest = text.substr(1);
  std::size_t parameters = 0;
  for (bool last = false; !last;) {
    std::string_view segment = take_segment(rest, last);
    if (is_parameter(segment)) {
      if (!segment.ends_with('}') || ++parameters > path_parameters::capacity) return false;
      if (is_tail(segment) && !last) return false;
      segment = segment.substr(1, segment.size() - (is_tail(segment) ? 5 : 2));
      if (!is_parameter_name(segment)) return false;
    } else if (segment.find_first_of("{}?#") != segment.npos) {
      return false;
    }
  }
  return true;
}

route_table::route_table(router routes) : routes_{std::move(routes.routes())} {
  for (const auto& r : routes_)
    if (!r->any_method) resource_of(r->pattern).by_method[static_cast<std::size_t>(r->method)] = r.get();
  for (const auto& r : routes_) {
    if (!r->any_method) continue;
    auto& methods = resource_of(r->pattern).by_method;
    for (std::size_t m = 0; m < method_count; ++m)
      if (methods[m] == nullptr && static_cast<http::method>(m) != http::method::connect)
        methods[m] = r.get();
  }
  for (auto& [pattern, r] : fixed_) finish(*r);
  for (auto& r : patterns_) finish(*r);
  std::ranges::sort(patterns_, is_more_specific);
  constexpr std::string_view all = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";
  options_answer_ = std::make_unique<response_block>(status::no_content, all, "");
  not_allowed_ = std::make_unique<response_block>(status::method_not_allowed, all, "");
}

resource& route_table::resource_of(const std::string& pattern) {
  if (pattern.find('{') == pattern.npos) {
    auto& made = fixed_[pattern];
    if (!made) made = std::make_unique<resource>();
    made->pattern = pattern;
    return *made;
  }
  for (auto& r : patterns_)
    if (r->pattern == pattern) return *r;
  auto& made = patterns_.emplace_back(std::make_unique<resource>());
  made->pattern = pattern;
  made->segments = split(pattern);
  return *made;
}

// Derives what every resource answers by itself.
void route_table::finish(resource& r) const {
  auto& head = r.by_method[static_cast<std::size_t>(http::method::head)];
  if (head == nullptr) head = r.find(http::method::get);
  for (std::size_t m = 0; m < method_count; ++m) {
    const std::string_view name = method_name(static_cast<http::method>(m));
    if (name.empty() || (r.by_method[m] == nullptr && static_cast<http::method>(m) != http::method::options))
      continue;
    r.allow += (r.allow.empty() ? "" : ", ") + std::string{name};
  }
  const std::string field = "Allow: " + r.allow + "\r\n";
  r.not_allowed = std::make_unique<response_block>(
      status::method_not_allowed, field + "Content-Type: text/plain\r\n", "Method Not Allowed\n");
  r.options_answer = std::make_unique<response_block>(status::no_content, field, "");
}

const resource* route_table::find(std::string_view path, path_parameters& parameters) const noexcept {
  parameters.count = 0;
  if (const auto it = fixed_.find(path); it != fixed_.end()) return it->second.get();
  for (const auto& r : patterns_)
    if (matches(*r, path, parameters)) return r.get();
  return nullptr;
}

}  // namespace weft::http::detail

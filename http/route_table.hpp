// The routes of a router, arranged for looking up: a radix tree per host, and one for all hosts.
//
// Immutable once built, and shared by all workers; a lookup allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/message/method.hpp>
#include <weft/http/response_block.hpp>
#include <weft/http/route_list.hpp>
#include <weft/http/route_tree.hpp>
#include <weft/http/router.hpp>

namespace weft::http::detail {

/// The {parameters} of a matched pattern; still percent-encoded.
struct path_parameters : parameter_values {
  /// The value of that name, if there is one.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

  const std::vector<std::string>* names = nullptr;  // of the route that was chosen
};

/// All that is registered for patterns that match the same paths.
struct resource {
  const route* find(http::method m) const noexcept { return by_method[static_cast<std::size_t>(m)]; }
  /// What answers a method that has no route.
  const response_block& answer_without_route(http::method m) const noexcept {
    return m == http::method::options ? *options_answer : *not_allowed;
  }

  std::array<const route*, method_count> by_method{};
  std::string allow;                                // "GET, HEAD, OPTIONS"
  std::unique_ptr<response_block> not_allowed;      // 405 with Allow
  std::unique_ptr<response_block> options_answer;   // 204 with Allow
  const middleware_list* around = nullptr;          // what these two pass through,
  const std::vector<std::string>* names = nullptr;  // who knows the parameters by these names
};

class route_table {
 public:
  explicit route_table(router routes);

  /// What answers `path`, which begins with a slash and is percent-encoded, soundly, on that host; where no
  /// pattern matches, what answers 404.
  ///
  /// Cost       that of route_tree::find(), and a search for the host where there are patterns with hosts.
  const resource& find(std::string_view authority, std::string_view path,
                       path_parameters& parameters) const noexcept;

  /// The answers of the server as a whole: to OPTIONS *, and to CONNECT.
  const response_block& options_answer() const noexcept { return *options_answer_; }
  const response_block& not_allowed() const noexcept { return *not_allowed_; }
  /// The route of CONNECT; null if there is none.
  const route* connect_route() const noexcept { return connect_; }

 private:
  struct host_paths {
    std::string host{};  // in lower case
    route_tree routes{};
    route_tree groups{};  // the 404 of each group, beneath its prefix
  };

  void collect(std::unique_ptr<route_list> list, middleware_list around, std::string_view outer_prefix);
  resource& resource_of(const pattern& p);
  host_paths& paths_of(const pattern& p);
  const host_paths* paths_of(std::string_view host) const noexcept;
  void add(std::unique_ptr<route> r, const middleware_list& around);
  void finish(resource& r);
  void make_nothing(resource& r, const middleware_list& around, const std::vector<std::string>& names);
  void make_nothing_beneath(const std::string& prefix, const middleware_list& around);
  const route* derive(const middleware_list& around, const std::vector<std::string>& names,
                      handler_pointer inside);

  std::vector<std::unique_ptr<route>> routes_;
  std::vector<std::unique_ptr<resource>> resources_;
  std::vector<std::unique_ptr<resource>> nothings_;      // the 404s of groups
  std::vector<std::unique_ptr<middleware_list>> lists_;  // each router's, with those around it
  host_paths anywhere_;
  std::vector<host_paths> hosts_;  // sorted once all are there
  resource nothing_;               // 404
  std::unique_ptr<response_block> options_answer_;
  std::unique_ptr<response_block> not_allowed_;
  const route* connect_ = nullptr;
};

}  // namespace weft::http::detail

// What a router was given: its routes, its middleware and its groups, until the table is built of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <weft/http/handler.hpp>
#include <weft/http/message/method.hpp>
#include <weft/http/middleware.hpp>
#include <weft/http/pattern.hpp>
#include <weft/http/precompiled.hpp>
#include <weft/http/router.hpp>

namespace weft::http::detail {

struct route {
  detail::pattern pattern;
  std::vector<std::string> names{};         // of the pattern's parameters
  http::method method = http::method::get;  // other: any
  handler_pointer call{};
  std::optional<precompiled> answer{};  // instead of `call`
  route_options options{};
};

struct route_list {
  route_list* outer = nullptr;  // whose group it is
  std::string prefix;           // of all patterns, the outer ones' included
  std::vector<std::unique_ptr<route>> routes;
  middleware_list around;
  std::vector<std::unique_ptr<router>> groups;
  std::unordered_set<std::string> taken;  // methods and shapes, of the outermost only
};

}  // namespace weft::http::detail

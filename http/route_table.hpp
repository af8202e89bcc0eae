// The routes of a router, arranged for looking up: a path without parameters is one hash, others are tried in
// order.
//
// Immutable once built, and shared by all workers.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <weft/http/handler.hpp>
#include <weft/http/method.hpp>
#include <weft/http/precompiled.hpp>
#include <weft/http/response_block.hpp>
#include <weft/http/router.hpp>

namespace weft::http::detail {

struct route {
  std::string pattern;
  http::method method = http::method::get;
  bool any_method = false;
  handler_pointer call;
  std::optional<precompiled> answer;  // instead of `call`
  route_options options;
};

/// The {parameters} of a matched pattern, in its order; still percent-encoded.
struct path_parameters {
  static constexpr std::size_t capacity = 8;

  struct parameter {
    std::string_view name;
    std::string_view value;
  };
  std::array<parameter, capacity> all;
  std::size_t count = 0;
};

/// All that is registered for one pattern.
struct resource {
  std::string pattern;
  std::vector<std::string> segments;  // of a pattern with parameters
  std::array<const route*, method_count> by_method{};
  std::string allow;                               // "GET, HEAD, OPTIONS"
  std::unique_ptr<response_block> not_allowed;     // 405 with Allow
  std::unique_ptr<response_block> options_answer;  // 204 with Allow

  const route* find(http::method m) const noexcept { return by_method[static_cast<std::size_t>(m)]; }
};

class route_table {
 public:
  explicit route_table(router routes);

  /// The resource at `path`, which begins with a slash and is decoded but for encoded slashes; null if there
  /// is none. Cost: a hash of the path; then for each pattern with parameters a comparison of segments.
  const resource* find(std::string_view path, path_parameters& parameters) const noexcept;

  /// The answers of the server as a whole: to OPTIONS *, and to CONNECT.
  const response_block& options_answer() const noexcept { return *options_answer_; }
  const response_block& not_allowed() const noexcept { return *not_allowed_; }

 private:
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  resource& resource_of(const std::string& pattern);
  void finish(resource& r) const;

  std::vector<std::unique_ptr<route>> routes_;
  std::unordered_map<std::string, std::unique_ptr<resource>, hash, std::equal_to<>> fixed_;
  std::vector<std::unique_ptr<resource>> patterns_;  // the most specific first
  std::unique_ptr<response_block> options_answer_;
  std::unique_ptr<response_block> not_allowed_;
};

/// Whether `text` is a pattern: see router.hpp.
bool is_pattern(std::string_view text) noexcept;

}  // namespace weft::http::detail

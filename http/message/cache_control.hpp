// What the fields of a message say of storing it.
//
// Source: RFC 9111, sections 3, 4.2 and 5.2.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <weft/http/message/status.hpp>

namespace weft::http::detail {

/// The directives of Cache-Control that decide about storing. One that is restricted to some fields
/// (private="x") counts as if it were not.
struct cache_control {
  bool no_store = false;
  bool no_cache = false;
  bool is_private = false;
  bool for_all = false;                           // public, must-revalidate or s-maxage: see terms_of_storing
  std::optional<std::chrono::seconds> max_age{};  // s-maxage, which is a shared cache's, wins

  /// Adds a line of the field. Of two ages the lesser counts; one that cannot be read is 0.
  void add(std::string_view value) noexcept;

 private:
  std::optional<std::chrono::seconds> own_age_{}, shared_age_{};
};

/// How a response may be stored and used again, by all that it says.
struct terms_of_storing {
  /// For how long; zero: it must not be stored.
  std::chrono::seconds fresh_for{};
  /// Whether that holds even of an answer to a request with credentials (section 3.5).
  bool for_all = false;
  /// The names in its Vary, lower case, each with a comma behind it.
  std::string vary{};
};

/// `fields`: each "Name: value\r\n". `otherwise`: for how long, if it does not say so itself. `now`: seconds
/// since 1970.
terms_of_storing read_terms(status s, std::string_view fields, std::chrono::seconds otherwise,
                            std::int64_t now);

/// Calls f with name and value of each of `fields`, and with the whole line.
template <class F>
void for_each_field(std::string_view fields, F f) {
  while (!fields.empty()) {
    const std::size_t end = fields.find("\r\n");
    const std::string_view line = fields.substr(0, end + 2);
    const std::size_t colon = line.find(':');
    f(line.substr(0, colon), line.substr(colon + 2, end - colon - 2), line);
    fields.remove_prefix(line.size());
  }
}

}  // namespace weft::http::detail

// Asks a router over a scripted peer: what it answers to these bytes, its dates taken out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/http/router.hpp>

#include "exchange_world.hpp"

namespace weft::testing {

/// What exchanges reported since the last ask().
inline std::vector<std::string> reported;

inline std::string ask(http::router routes, std::string bytes) {
  exchange_world world{std::move(routes)};
  std::string text = world.ask(bytes);
  reported = std::move(world.reports);
  return text;
}

inline std::string request_text(std::string_view method, std::string_view target,
                                std::string_view fields = "") {
  return std::string{method} + ' ' + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{fields} +
         "\r\n";
}

/// The body's part of a response.
inline std::string body_in(const std::string& response) {
  const std::size_t head = response.find("\r\n\r\n");
  return head == response.npos ? "none" : response.substr(head + 4);
}

/// The value of the first field of that name, spelled so; "none".
inline std::string field_of(const std::string& response, const std::string& name) {
  const std::size_t at = response.find("\r\n" + name + ": ");
  if (at == response.npos || at > response.find("\r\n\r\n")) return "none";
  const std::size_t begin = at + name.size() + 4;
  return response.substr(begin, response.find("\r\n", begin) - begin);
}

}  // namespace weft::testing

// JSON bodies through nlohmann-json, where that is installed: the meson option `json`.
//
// Apart from the other headers, and not in weft.hpp: only who includes it pays for it. Source: RFC 8259.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/parameters.hpp>
#include <weft/http/message/status.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

namespace detail {

/// Whether arrays and objects lie more than `depth_max` deep in the text: to write such a document recurses,
/// and so does much of what is done with one, on the small stack of a fiber.
constexpr bool is_deeper_than(std::string_view json, std::size_t depth_max) noexcept {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text && c == '\\') ++i;
    else if (c == '"') in_text = !in_text;
    else if (!in_text && (c == '[' || c == '{') && ++depth > depth_max) return true;
    else if (!in_text && (c == ']' || c == '}') && depth != 0) --depth;
  }
  return false;
}

}  // namespace detail

/// The body of `from` as a document; nothing but JSON, in UTF-8.
///
/// Blocks     as request::body().
/// Errors     unsupported_media_type: the Content-Type is neither application/json nor one that ends in
///            +json; bad_request: no JSON, or more than `depth_max` deep; else as request::body().
/// Cost       some 16 bytes for each value, from the heap.
[[nodiscard]] inline result<nlohmann::json> read_json(request& from, deadline until = {},
                                                      std::size_t depth_max = 64) {
  const std::string_view type = detail::value_without_parameters(from.header("content-type").value_or(""));
  const std::string_view suffix = "+json";
  const bool says_json = detail::equals_ignoring_case(type, "application/json") ||
                         (type.size() > suffix.size() &&
                          detail::equals_ignoring_case(type.substr(type.size() - suffix.size()), suffix));
  if (!says_json) return std::unexpected(status::unsupported_media_type);
  const std::string_view text = WEFT_TRY(from.body(until));
  if (detail::is_deeper_than(text, depth_max)) return std::unexpected(status::bad_request);
  nlohmann::json document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return std::unexpected(status::bad_request);
  return document;
}

/// Makes `document` the body of `to`, with application/json. What is no UTF-8 in it becomes U+FFFD.
inline void write_json(response& to, const nlohmann::json& document) {
  to.body(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "application/json");
}

}  // namespace weft::http

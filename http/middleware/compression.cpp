#include <weft/http/middleware/compression.hpp>

#include <algorithm>
#include <optional>

#include <weft/http/coding/accept_encoding.hpp>
#include <weft/http/coding/encoder.hpp>
#include <weft/http/field_list.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft::http {
namespace {

bool says(std::optional<std::string_view> list, std::string_view word) noexcept {
  bool found = false;
  if (list)
    detail::for_each_element(*list, [&](std::string_view element) {
      found = found || detail::equals_ignoring_case(element, word);
    });
  return found;
}

// The coding that the client likes best, and of those the one that we do; null: none, or as it is.
const detail::encoder* choose(std::string_view accepted) noexcept {
  const detail::encoder* best = nullptr;
  int least = std::max(1, detail::coding_weight(accepted, "identity"));
  for (const detail::encoder& e : detail::encoders()) {
    const int weight = detail::coding_weight(accepted, e.name);
    if (weight < least) continue;
    best = &e;
    least = weight + 1;
  }
  return best;
}

}  // namespace

compression::compression(compression_options options) : options_{std::move(options)} {
  WEFT_ASSERT(!detail::encoders().empty(), "this weft was built without zlib, brotli and zstd");
}

std::vector<std::string_view> compression::codings() {
  std::vector<std::string_view> names;
  names.reserve(detail::encoders().size());
  for (const detail::encoder& e : detail::encoders()) names.push_back(e.name);
  return names;
}

bool compression::is_compressible(std::string_view type) const {
  type = detail::trimmed(type.substr(0, type.find(';')));
  std::string lower{type};
  std::ranges::transform(lower, lower.begin(), detail::to_lower);
  constexpr std::string_view known[] = {"application/json", "application/javascript", "application/xml"};
  return lower.starts_with("text/") || lower.ends_with("+json") || lower.ends_with("+xml") ||
         std::ranges::count(known, lower) != 0 || std::ranges::count(options_.types, lower) != 0;
}

// Whether the response is compressed where its client accepts it.
bool compression::is_eligible(const request& q, const response& s) const {
  if (s.body_begun() || s.content_length() || s.body_text().size() < options_.size_min) return false;
  if (s.header("Content-Encoding") || s.header("Content-Range")) return false;
  if (!is_compressible(s.header("Content-Type").value_or(""))) return false;
  const auto caching = s.header("Cache-Control");
  if (says(caching, "no-transform")) return false;
  if (options_.with_credentials || says(caching, "public")) return true;
  return !q.header("Cookie") && !q.header("Authorization") && !s.header("Set-Cookie");
}

result<void> compression::operator()(request& q, response& s, next n) const {
  WEFT_TRY(n());
  if (!is_eligible(q, s)) return {};
  s.header("Vary", "Accept-Encoding");
  const detail::field_list accepted{q, "Accept-Encoding"};
  const detail::encoder* const chosen = choose(accepted.text().value_or(""));
  if (chosen == nullptr) return {};
  const std::string_view text = s.body_text();
  const auto encode = [&] { return chosen->encode(text); };
  auto encoded = text.size() < options_.blocking_from ? on_thread_stack(encode) : blocking(encode);
  if (!encoded || encoded->size() >= text.size()) return {};
  const std::string type{s.header("Content-Type").value_or("")};
  const std::string tag{s.header("ETag").value_or("")};
  s.header("Content-Encoding", chosen->name);
  if (tag.starts_with('"')) s.replace_header("ETag", "W/" + tag);
  s.body(std::move(*encoded), type);
  return {};
}

}  // namespace weft::http

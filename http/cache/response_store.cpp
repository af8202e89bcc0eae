#include <weft/http/cache/response_store.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/cache_control.hpp>
#include <weft/http/message/date_parser.hpp>
#include <weft/http/message/number_text.hpp>

namespace weft::http::detail {
namespace {

// The fields that a 304 has if a 200 would have them. Source: RFC 9110, section 15.4.5.
bool is_kept(std::string_view name) noexcept {
  constexpr std::string_view kept[] = {"cache-control", "content-location", "etag", "expires", "vary"};
  return std::ranges::any_of(kept, [&](std::string_view k) { return equals_ignoring_case(name, k); });
}

// Weak, because who stands between may still encode the body.
std::string tag_by_content(std::string_view body) {
  std::string tag{"W/\""};
  tag.append(number_text{std::hash<std::string_view>{}(body), 16}).append("-");
  return tag.append(number_text{body.size(), 16}).append("\"");
}

}  // namespace

stored_response::stored_response(status s, std::string_view content_type, std::string_view fields_of_it,
                                 std::shared_ptr<const std::string> text, std::int64_t now)
    : code{s}, type{content_type}, fields{fields_of_it}, body{std::move(text)} {
  for_each_field(fields, [&](std::string_view name, std::string_view value, std::string_view line) {
    if (is_kept(name)) kept_fields.append(line);
    if (equals_ignoring_case(name, "etag")) etag = value;
    else if (equals_ignoring_case(name, "last-modified")) modified = parse_date(value, now);
  });
  if (!etag.empty() || s != status::ok) return;
  etag = tag_by_content(*body);
  const std::string line = "ETag: " + etag + "\r\n";
  fields += line;
  kept_fields += line;
}

}  // namespace weft::http::detail

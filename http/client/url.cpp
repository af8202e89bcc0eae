#include <weft/http/client/url.hpp>

#include <algorithm>

#include <weft/http/client/call_error.hpp>
#include <weft/http/message/ascii.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/scan.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http::detail {
namespace {

bool is_target(std::string_view text) noexcept {
  return scan_target(text.data(), text.data() + text.size()) == text.data() + text.size();
}

// Whether `text` begins with scheme ":".
bool has_scheme(std::string_view text) noexcept {
  const std::size_t end = text.find_first_of(":/?#");
  if (end == text.npos || end == 0 || text[end] != ':') return false;
  const char first = to_lower(text.front());
  return first >= 'a' && first <= 'z' && is_field_name(text.substr(0, end));
}

// The path with its "." and ".." followed. Source: RFC 3986, section 5.2.4.
std::string without_dots(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = path.substr(at + 1, next - at - 1);
    const bool last = next == path.size();
    if (segment == "..") out.resize(out.find_last_of('/') == out.npos ? 0 : out.find_last_of('/'));
    if (segment != "." && segment != "..") out.append(path.substr(at, next - at));
    else if (last) out += '/';
    at = next;
  }
  return out.empty() ? "/" : out;
}

}  // namespace

result<url> url::parse(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const std::size_t colon = text.find(':');
  if (colon == text.npos || !has_scheme(text)) return std::unexpected(call_error::bad_url);
  if (!equals_ignoring_case(text.substr(0, colon), "http"))
    return std::unexpected(call_error::unsupported_scheme);
  const absolute_target parts = split_absolute(text);
  if (!is_authority(parts.authority) || !is_target(parts.path_and_query))
    return std::unexpected(call_error::bad_url);

  url out;
  const std::size_t bracket = parts.authority.rfind(']');
  const std::size_t port_colon = parts.authority.find(':', bracket == text.npos ? 0 : bracket);
  std::string_view port =
      port_colon == text.npos ? std::string_view{} : parts.authority.substr(port_colon + 1);
  while (port.size() > 1 && port.front() == '0') port.remove_prefix(1);
  if (port == "80") port = {};
  out.authority = parts.authority.substr(0, port_colon);
  std::ranges::transform(out.authority, out.authority.begin(), to_lower);
  out.endpoint = out.authority + ':' + std::string{port.empty() ? "80" : port};
  if (!port.empty()) out.authority = out.endpoint;
  if (!parts.path_and_query.starts_with('/')) out.target = '/';
  out.target += parts.path_and_query;
  return out;
}

result<url> resolve_reference(const url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  if (has_scheme(reference)) return url::parse(reference);
  if (reference.starts_with("//")) return url::parse("http:" + std::string{reference});
  if (!is_target(reference)) return std::unexpected(call_error::bad_url);
  url out = base;
  const std::string_view base_path = std::string_view{base.target}.substr(0, base.target.find('?'));
  const std::string_view path = reference.substr(0, reference.find('?'));
  const std::string_view query = reference.substr(path.size());
  if (path.empty()) {
    if (!query.empty()) out.target = std::string{base_path} + std::string{query};
    return out;
  }
  std::string joined;
  if (path.front() != '/') joined = base_path.substr(0, base_path.rfind('/') + 1);
  joined += path;
  out.target = without_dots(joined) + std::string{query};
  return out;
}

}  // namespace weft::http::detail

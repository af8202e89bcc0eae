#include <weft/http/message/cookie.hpp>

#include <algorithm>
#include <cstddef>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/date.hpp>
#include <weft/http/message/field_text.hpp>
#include <weft/http/message/number_text.hpp>

namespace weft::http::detail {
namespace {

// cookie-octet
bool is_cookie_value(std::string_view text) noexcept {
  return std::ranges::all_of(
      text, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; });
}

// av-octet; and a path begins with a slash, or a browser ignores it.
bool is_path(std::string_view text) noexcept {
  return text.empty() || (text.front() == '/' &&
                          std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f && c != ';'; }));
}

bool is_domain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '.';
  });
}

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
  return equals_ignoring_case(name.substr(0, prefix.size()), prefix);
}

// IMF-fixdate has four digits for the year.
bool is_writable(std::chrono::sys_seconds when) noexcept {
  using namespace std::chrono;
  return when >= sys_seconds{} && when < sys_days{year{10'000} / January / 1};
}

// Whether a browser that follows the rules would take it.
bool is_acceptable(const cookie& c) noexcept {
  const bool host_bound = has_prefix(c.name, "__Host-");
  const bool must_be_secure =
      host_bound || has_prefix(c.name, "__Secure-") || c.same_site == same_site::none || c.partitioned;
  if (must_be_secure && !c.secure) return false;
  if (host_bound && (c.path != "/" || !c.domain.empty())) return false;
  if (c.expires && !is_writable(*c.expires)) return false;
  return is_field_name(c.name) && is_cookie_value(c.value) && is_path(c.path) && is_domain(c.domain);
}

std::string_view same_site_text(same_site s) noexcept {
  switch (s) {
    case same_site::strict: return "; SameSite=Strict";
    case same_site::lax: return "; SameSite=Lax";
    case same_site::none: return "; SameSite=None";
    case same_site::unset: break;
  }
  return {};
}

}  // namespace

bool append_set_cookie(byte_buffer& fields, const cookie& c) {
  if (!is_acceptable(c)) return false;
  fields.append_all("Set-Cookie: ", c.name, "=", c.value);
  if (!c.path.empty()) fields.append_all("; Path=", c.path);
  if (!c.domain.empty()) fields.append_all("; Domain=", c.domain);
  if (c.max_age) {
    const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(c.max_age->count(), 0));
    fields.append_all("; Max-Age=", number_text{seconds});
  }
  if (c.expires) {
    fields.append("; Expires=");
    format_date(c.expires->time_since_epoch().count(), fields.extend(date_length));
  }
  if (c.secure) fields.append("; Secure");
  if (c.http_only) fields.append("; HttpOnly");
  fields.append(same_site_text(c.same_site));
  if (c.partitioned) fields.append("; Partitioned");
  fields.append("\r\n");
  return true;
}

}  // namespace weft::http::detail

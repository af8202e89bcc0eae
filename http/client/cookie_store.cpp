#include <weft/http/client/cookie_store.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <weft/http/client/cookie_date.hpp>
#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

constexpr std::size_t attribute_max = 1024;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// Of "example.com:8080" or "[::1]:8080".
std::string_view host_of(const url& u) noexcept {
  const std::string_view authority = u.authority;
  return authority.substr(0, authority.find(':', authority.starts_with('[') ? authority.find(']') : 0));
}

std::string_view path_of(const url& u) noexcept {
  return std::string_view{u.target}.substr(0, u.target.find('?'));
}

// An address has no domains above it.
bool is_address(std::string_view host) noexcept {
  return host.starts_with('[') || (!host.empty() && is_digit(host.back()));
}

// Whether the host is the domain, or below it.
bool is_within(std::string_view host, std::string_view domain) noexcept {
  return host == domain || (!is_address(host) && host.size() > domain.size() && host.ends_with(domain) &&
                            host[host.size() - domain.size() - 1] == '.');
}

// Source: RFC 6265, section 5.1.4.
bool is_below(std::string_view path, std::string_view folder) noexcept {
  return path.starts_with(folder) &&
         (path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/');
}

std::string_view folder_of(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == path.npos ? "/" : path.substr(0, slash);
}

bool has_control(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; });
}

// What a Set-Cookie field says.
struct set_cookie {
  std::string_view name, value;
  std::string domain;     // empty: the host alone
  std::string_view path;  // empty: the folder of the request
  std::optional<std::int64_t> expires, max_age;
  bool secure = false;

  void attribute(std::string_view key, std::string_view text);
};

// A number of seconds; what is too long to count is for ever, or long ago.
std::optional<std::int64_t> max_age_of(std::string_view text) noexcept {
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (failed == std::errc::result_out_of_range) return text.starts_with('-') ? 0 : never;
  if (failed != std::errc{}) return std::nullopt;
  return seconds;
}

// The last of a kind counts.
void set_cookie::attribute(std::string_view key, std::string_view text) {
  if (text.size() > attribute_max) return;
  if (equals_ignoring_case(key, "secure")) secure = true;
  else if (equals_ignoring_case(key, "path")) path = text.starts_with('/') ? text : std::string_view{};
  else if (equals_ignoring_case(key, "max-age")) max_age = max_age_of(text);
  else if (equals_ignoring_case(key, "expires")) expires = parse_cookie_date(text);
  else if (equals_ignoring_case(key, "domain")) {
    if (text.starts_with('.')) text.remove_prefix(1);
    domain = text;
    std::ranges::transform(domain, domain.begin(), to_lower);
  }
}

// None: nothing that can be kept.
std::optional<set_cookie> parse(std::string_view field) {
  if (has_control(field)) return std::nullopt;
  set_cookie out;
  std::size_t end = field.find(';');
  const std::string_view pair = field.substr(0, end);
  const std::size_t equals = pair.find('=');
  if (equals == pair.npos) return std::nullopt;
  out.name = trimmed(pair.substr(0, equals));
  out.value = trimmed(pair.substr(equals + 1));
  if (out.name.empty() || out.name.size() + out.value.size() > cookie_store::cookie_max) return std::nullopt;
  while (end != field.npos) {
    field.remove_prefix(end + 1);
    end = field.find(';');
    const std::string_view attribute = field.substr(0, end);
    const std::size_t middle = std::min(attribute.find('='), attribute.size());
    out.attribute(trimmed(attribute.substr(0, middle)),
                  trimmed(attribute.substr(std::min(middle + 1, attribute.size()))));
  }
  return out;
}

// Whether a host may set it. Those that say Secure, or whose names promise it, come with TLS only.
bool is_acceptable(const set_cookie& c, std::string_view host) noexcept {
  const auto promises = [&](std::string_view prefix) {
    return equals_ignoring_case(c.name.substr(0, prefix.size()), prefix);
  };
  if (c.secure || promises("__Secure-") || promises("__Host-")) return false;
  if (c.domain.empty() || c.domain == host) return true;
  return is_within(host, c.domain) && c.domain.contains('.');
}

std::int64_t expiry_of(const set_cookie& c, std::int64_t now) noexcept {
  if (c.max_age) {
    if (*c.max_age <= 0) return 0;
    return *c.max_age > never - now ? never : now + *c.max_age;
  }
  return c.expires.value_or(never);
}

}  // namespace

void cookie_store::set(const url& from, std::string_view field, std::int64_t now) {
  const std::string_view host = host_of(from);
  const auto said = parse(field);
  if (!said || !is_acceptable(*said, host)) return;
  const std::string_view path = said->path.empty() ? folder_of(path_of(from)) : said->path;
  const auto at = domains_.try_emplace(said->domain.empty() ? std::string{host} : said->domain).first;
  entries& of = at->second;
  const auto same =
      std::ranges::find_if(of, [&](const entry& e) { return e.name == said->name && e.path == path; });
  const std::int64_t expires = expiry_of(*said, now);
  if (expires <= now) {
    if (same != of.end()) erase(of, static_cast<std::size_t>(same - of.begin()));
  } else if (same != of.end()) {
    same->value = said->value;
    same->expires = expires;
    same->below = !said->domain.empty();
  } else {
    const std::uint64_t made = ++count_;
    of.push_back({.name = std::string{said->name},
                  .value = std::string{said->value},
                  .path = std::string{path},
                  .expires = expires,
                  .made = made,
                  .used = made,
                  .below = !said->domain.empty()});
    ++size_;
  }
  if (of.size() > per_domain_max_) {
    const auto oldest = std::ranges::min_element(of, {}, &entry::used);
    erase(of, static_cast<std::size_t>(oldest - of.begin()));
  }
  if (of.empty()) domains_.erase(at);
  if (size_ > max_) forget_expired(now);
  if (size_ > max_) forget_oldest();
}

// Longer paths first, then the older cookie.
std::string cookie_store::field_for(const url& to, std::int64_t now) {
  const std::string_view host = host_of(to);
  const std::string_view path = path_of(to);
  std::vector<entry*> carried;
  for (std::string_view domain = host;;) {
    if (const auto found = domains_.find(std::string{domain}); found != domains_.end())
      for (entry& e : found->second)
        if ((domain.size() == host.size() || e.below) && e.expires > now && is_below(path, e.path))
          carried.push_back(&e);
    const std::size_t dot = domain.find('.');
    if (dot == domain.npos || is_address(host)) break;
    domain.remove_prefix(dot + 1);
  }
  std::ranges::sort(carried, [](const entry* a, const entry* b) {
    return a->path.size() != b->path.size() ? a->path.size() > b->path.size() : a->made < b->made;
  });
  std::string field;
  for (entry* e : carried) {
    if (!field.empty()) field += "; ";
    field.append(e->name).append("=").append(e->value);
    e->used = ++count_;
  }
  return field;
}

void cookie_store::clear() noexcept {
  domains_.clear();
  size_ = 0;
}

void cookie_store::erase(entries& of, std::size_t at) noexcept {
  of.erase(of.begin() + static_cast<std::ptrdiff_t>(at));
  --size_;
}

void cookie_store::forget_expired(std::int64_t now) noexcept {
  for (auto& [domain, of] : domains_)
    size_ -= std::erase_if(of, [&](const entry& e) { return e.expires <= now; });
  std::erase_if(domains_, [](const auto& d) { return d.second.empty(); });
}

void cookie_store::forget_oldest() noexcept {
  auto in = domains_.end();
  std::size_t oldest = 0;
  for (auto at = domains_.begin(); at != domains_.end(); ++at)
    for (std::size_t i = 0; i < at->second.size(); ++i)
      if (in == domains_.end() || at->second[i].used < in->second[oldest].used) {
        in = at;
        oldest = i;
      }
  if (in == domains_.end()) return;
  erase(in->second, oldest);
  if (in->second.empty()) domains_.erase(in);
}

}  // namespace weft::http::detail

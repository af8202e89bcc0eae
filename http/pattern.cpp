#include <weft/http/pattern.hpp>

#include <algorithm>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/target.hpp>

namespace weft::http::detail {
namespace {

bool is_parameter_name(std::string_view name) noexcept {
  return !name.empty() && name.find_first_of("{}./") == name.npos;
}

// Appends `segment` with %XX decoded; %2F becomes encoded_slash. False: it cannot stand in a path.
bool append_decoded(std::string_view segment, std::string& to) {
  if (segment.find_first_of("{}?#") != segment.npos || segment.find(encoded_slash) != segment.npos)
    return false;
  std::string decoded(segment.size(), ' ');
  const std::size_t length = decode_percent(segment, decoded.data());
  if (length == undecodable) return false;
  decoded.resize(length);
  std::ranges::replace(decoded, '/', encoded_slash);
  to += decoded;
  return true;
}

// One segment, behind its slash.
bool add_segment(std::string_view segment, bool last, pattern& to) {
  if (!segment.starts_with('{')) return append_decoded(segment, to.parts.back().text);
  if (!segment.ends_with('}')) return false;
  const bool tail = segment.ends_with("...}");
  if (tail && !last) return false;
  const std::string_view name = segment.substr(1, segment.size() - (tail ? 5 : 2));
  if (!is_parameter_name(name) || std::ranges::count(to.names(), name) != 0) return false;
  to.parts.push_back({tail ? pattern::kind::tail : pattern::kind::segment, std::string{name}});
  return true;
}

}  // namespace

std::string pattern::shape() const {
  std::string text = host;
  for (const part& p : parts) text += p.is == kind::literal ? p.text : p.is == kind::segment ? "{}" : "{...}";
  return text;
}

std::vector<std::string> pattern::names() const {
  std::vector<std::string> all;
  all.reserve(parts.size());
  for (const part& p : parts)
    if (p.is != kind::literal) all.push_back(p.text);
  return all;
}

bool parse_pattern(std::string_view text, pattern& into) {
  into = {};
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const std::string_view host = text.substr(0, slash);
  if (!host.empty() && (!is_authority(host) || host_of(host) != host)) return false;
  std::ranges::transform(host, std::back_inserter(into.host), to_lower);
  text.remove_prefix(slash);
  while (!text.empty()) {
    text.remove_prefix(1);
    if (into.parts.empty() || into.parts.back().is != pattern::kind::literal) into.parts.emplace_back();
    into.parts.back().text += '/';
    const std::size_t end = std::min(text.find('/'), text.size());
    if (!add_segment(text.substr(0, end), end == text.size(), into)) return false;
    text.remove_prefix(end);
  }
  return into.names().size() <= parameters_max;
}

}  // namespace weft::http::detail

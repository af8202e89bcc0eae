#include <weft/http/request.hpp>

#include <algorithm>
#include <cstring>

#include <weft/http/message/ascii.hpp>
#include <weft/http/message/parameters.hpp>
#include <weft/http/message/target.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::http {

// A copy of `text` with %XX decoded; a null view if it cannot be.
std::string_view request::decoded(std::string_view text, bool plus_is_space) const {
  if (text.find('%') == text.npos && (!plus_is_space || text.find('+') == text.npos)) return text;
  auto* const copy = static_cast<char*>(decoded_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  if (plus_is_space) std::replace(copy, copy + text.size(), '+', ' ');
  const std::size_t length = detail::decode_percent({copy, text.size()}, copy);
  return length == detail::undecodable ? std::string_view{} : std::string_view{copy, length};
}

std::string_view request::param(std::string_view name) const {
  if (const auto value = parameters_.find(name)) return decoded(*value, false);
  WEFT_ASSERT(false, "the route's pattern has no parameter of this name");
  return {};
}

std::optional<std::string_view> request::query(std::string_view name) const {
  std::string_view rest = raw_query();
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view pair = rest.substr(0, ampersand);
    rest = ampersand == rest.npos ? std::string_view{} : rest.substr(ampersand + 1);
    const std::size_t equals = pair.find('=');
    if (decoded(pair.substr(0, equals), true) != name) continue;
    const std::string_view value =
        equals == pair.npos ? pair.substr(pair.size()) : decoded(pair.substr(equals + 1), true);
    return value.data() == nullptr ? std::nullopt : std::optional{value};
  }
  return std::nullopt;
}

// Calls `matches` with each cookie until it says that this is the one. False: it never did.
template <class F>
bool request::find_cookie(F matches) const {
  for (const std::string_view line : headers("cookie")) {
    std::string_view rest = line;
    while (!rest.empty()) {
      const std::size_t semicolon = rest.find(';');
      const std::string_view pair = detail::trimmed(rest.substr(0, semicolon));
      rest = semicolon == rest.npos ? std::string_view{} : rest.substr(semicolon + 1);
      const std::size_t equals = pair.find('=');
      if (equals != pair.npos && matches(name_and_value{pair.substr(0, equals), pair.substr(equals + 1)}))
        return true;
    }
  }
  return false;
}

std::optional<std::string_view> request::cookie(std::string_view name) const noexcept {
  std::optional<std::string_view> value;
  find_cookie([&](const name_and_value& c) {
    if (c.name != name) return false;
    value = c.value;
    return true;
  });
  return value;
}

std::vector<name_and_value> request::cookies() const {
  std::vector<name_and_value> all;
  find_cookie([&](const name_and_value& c) {
    all.push_back(c);
    return false;
  });
  return all;
}

std::optional<std::string_view> request::trailer(std::string_view name) const noexcept {
  std::string_view rest = body_.trailers();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    if (colon != line.npos && detail::equals_ignoring_case(line.substr(0, colon), name))
      return detail::trimmed(line.substr(colon + 1));
  }
  return std::nullopt;
}

result<http::form> request::form(deadline until) {
  const std::string_view type = detail::value_without_parameters(header("content-type").value_or(""));
  if (!detail::equals_ignoring_case(type, "application/x-www-form-urlencoded"))
    return std::unexpected(status::unsupported_media_type);
  return http::form::parse(WEFT_TRY(body(until)));
}

std::string_view request::upgrade() const noexcept {
  if (head_.minor_version == 0) return {};
  bool asked = false;
  for (const std::string_view line : headers("connection"))
    detail::for_each_element(line, [&](std::string_view option) {
      asked = asked || detail::equals_ignoring_case(option, "upgrade");
    });
  return asked ? header("upgrade").value_or("") : std::string_view{};
}

}  // namespace weft::http

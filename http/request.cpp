#include <weft/http/request.hpp>

#include <algorithm>
#include <cstring>

#include <weft/http/ascii.hpp>
#include <weft/http/target.hpp>
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
  for (std::size_t i = 0; i < parameters_.count; ++i)
    if (parameters_.all[i].name == name) return decoded(parameters_.all[i].value, false);
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

std::optional<std::string_view> request::cookie(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < head_.field_count; ++i) {
    if (!detail::equals_ignoring_case(head_.text(head_.fields[i].name), "cookie")) continue;
    std::string_view rest = head_.text(head_.fields[i].value);
    while (!rest.empty()) {
      const std::size_t semicolon = rest.find(';');
      const std::string_view pair = detail::trimmed(rest.substr(0, semicolon));
      rest = semicolon == rest.npos ? std::string_view{} : rest.substr(semicolon + 1);
      const std::size_t equals = pair.find('=');
      if (equals != pair.npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

}  // namespace weft::http

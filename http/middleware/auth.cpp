#include <weft/http/middleware/auth.hpp>

#include <algorithm>

#include <weft/http/auth/base64.hpp>
#include <weft/http/message/ascii.hpp>

namespace weft::http {
namespace {

// What follows the name of the scheme; empty for another scheme, or no field.
std::string_view after_scheme(const request& q, std::string_view scheme) noexcept {
  const std::string_view value = q.header("authorization").value_or("");
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
      !detail::equals_ignoring_case(value.substr(0, scheme.size()), scheme))
    return {};
  return detail::trimmed(value.substr(scheme.size()));
}

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// token68 of RFC 9110, section 11.2.
bool is_token68(std::string_view text) noexcept {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const char lower = detail::to_lower(c);
    constexpr std::string_view marks = "-._~+/";
    return (lower >= 'a' && lower <= 'z') || detail::is_digit(c) || marks.find(c) != marks.npos;
  });
}

}  // namespace

std::optional<credentials> basic_credentials(const request& q) {
  const std::string_view text = after_scheme(q, "basic");
  if (text.empty()) return std::nullopt;
  const auto pair = detail::decode_base64(text);
  if (!pair || std::ranges::any_of(*pair, is_control)) return std::nullopt;
  const std::size_t colon = pair->find(':');
  if (colon == pair->npos) return std::nullopt;
  return credentials{.user = pair->substr(0, colon), .password = pair->substr(colon + 1)};
}

std::optional<std::string_view> bearer_token(const request& q) noexcept {
  const std::string_view token = after_scheme(q, "bearer");
  return is_token68(token) ? std::optional{token} : std::nullopt;
}

}  // namespace weft::http

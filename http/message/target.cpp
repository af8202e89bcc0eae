#include <weft/http/message/target.hpp>

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

#include <weft/http/message/ascii.hpp>

namespace weft::http::detail {
namespace {

bool is_ipv6(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size()) return false;
  std::memcpy(copy.data(), text.data(), text.size());
  in6_addr address;
  return ::inet_pton(AF_INET6, copy.data(), &address) == 1;
}

bool is_port(std::string_view text) noexcept {
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

// What a host name is made of, besides what is percent-encoded: unreserved and sub-delims, but for the comma.
constexpr auto of_host_names = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (const char c : std::string_view{"-._~!$&'()*+;="}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// How much of `text`, from its beginning, is a reg-name without the comma. npos: it has a `%` that encodes
// nothing.
std::size_t host_name_length(std::string_view text) noexcept {
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (of_host_names[static_cast<unsigned char>(text[i])]) continue;
    if (text[i] != '%') break;
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return text.npos;
    i += 2;
  }
  return i;
}

struct host_and_port {
  std::string_view host;
  std::string_view port;
};

// Of an authority that is_authority() has found valid.
host_and_port split_port(std::string_view text) noexcept {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  if (colon == text.npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == text.npos || !is_ipv6(text.substr(1, bracket - 1))) return false;
    const std::string_view rest = text.substr(bracket + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t length = host_name_length(text);
  if (length == 0 || length == text.npos) return false;
  return length == text.size() || (text[length] == ':' && is_port(text.substr(length + 1)));
}

std::string_view host_of(std::string_view authority) noexcept { return split_port(authority).host; }

std::uint16_t port_of(std::string_view authority, std::uint16_t usual) noexcept {
  const std::string_view text = split_port(authority).port;
  std::from_chars(text.data(), text.data() + text.size(), usual);  // which stays if there is nothing
  return usual;
}

bool is_host_and_port(std::string_view text) noexcept {
  return is_authority(text) && is_digit(text.back()) && text.find(':') != text.npos;
}

bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) noexcept {
  const std::string_view usual = equals_ignoring_case(scheme, "https") ? "443" : "80";
  const host_and_port left = split_port(a);
  const host_and_port right = split_port(b);
  return equals_ignoring_case(left.host, right.host) &&
         (left.port.empty() ? usual : left.port) == (right.port.empty() ? usual : right.port);
}

absolute_target split_absolute(std::string_view target) noexcept {
  const std::size_t colon = target.find("://");
  if (colon == target.npos) return {};
  const std::string_view scheme = target.substr(0, colon);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return {};
  const std::string_view rest = target.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  return {scheme, rest.substr(0, end), end == rest.npos ? rest.substr(rest.size()) : rest.substr(end)};
}

std::size_t decode_percent(std::string_view text, char* out) noexcept {
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out[length++] = text[i];
      continue;
    }
    if (i + 2 >= text.size()) return undecodable;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0 || (high | low) == 0) return undecodable;
    out[length++] = static_cast<char>(high * 16 + low);
    i += 2;
  }
  return length;
}

}  // namespace weft::http::detail

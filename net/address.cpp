#include <weft/net/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {

// The two forms are told apart, and their ports read, through either member: see storage_.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
static_assert(offsetof(sockaddr_in, sin_family) == offsetof(sockaddr_in6, sin6_family));

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "weft.address"; }

  std::string message(int value) const override {
    switch (static_cast<address_error>(value)) {
      case address_error::no_port: return "address has no port: write HOST:PORT";
      case address_error::bad_port: return "port is not a number from 0 to 65535";
      case address_error::bad_host: return "host is neither an IPv4 address nor an IPv6 address in brackets";
      case address_error::missing_brackets: return "an IPv6 address stands in brackets: write [::1]:80";
      case address_error::unclosed_bracket: return "the bracket of the IPv6 address is not closed";
      case address_error::unknown_zone: return "the zone of the address is no interface of this machine";
      case address_error::not_ip: return "not an IPv4 or IPv6 address";
    }
    return "unknown address error";
  }

  std::error_condition default_error_condition(int) const noexcept override {
    return std::errc::invalid_argument;
  }
};

constexpr std::string_view digits = "0123456789";

// A number in its one way of writing: no sign, no leading zero, nothing after it.
template <class Number>
bool parse_number(std::string_view text, Number& out) noexcept {
  if (text.empty() || (text.size() > 1 && text.front() == '0') || text.find_first_not_of(digits) != text.npos)
    return false;
  return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc{};
}

// inet_pton wants a NUL at the end.
template <std::size_t Size>
bool parse_bytes(int family, std::string_view text, void* out) noexcept {
  char copy[Size];
  if (text.size() >= Size || text.find('\0') != text.npos) return false;
  copy[text.copy(copy, text.size())] = '\0';
  return ::inet_pton(family, copy, out) == 1;
}

bool parse_zone(std::string_view text, std::uint32_t& out) noexcept {
  if (parse_number(text, out)) return out != 0;
  char name[IF_NAMESIZE];
  if (text.empty() || text.size() >= sizeof name || text.find('\0') != text.npos) return false;
  name[text.copy(name, text.size())] = '\0';
  out = ::if_nametoindex(name);
  return out != 0;
}

struct writer {
  char* at;
  void put(char c) noexcept { *at++ = c; }
  template <class Number>
  void number(Number n, int base = 10) noexcept {
    at = std::to_chars(at, at + 10, static_cast<std::uint32_t>(n), base).ptr;
  }
};

void write_v4(writer& out, const std::uint8_t* bytes) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out.put('.');
    out.number(bytes[i]);
  }
}

// RFC 5952: lower case, no leading zeros, "::" for the longest run of zero groups (the first of equals, at
// least two).
void write_v6(writer& out, const in6_addr& address) noexcept {
  std::uint16_t groups[8];
  for (int i = 0; i < 8; ++i)
    groups[i] = static_cast<std::uint16_t>(address.s6_addr[2 * i] << 8 | address.s6_addr[2 * i + 1]);

  const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
  const int groups_count = mapped ? 6 : 8;
  int run_at = -1, run_length = 1;
  for (int i = 0; i < groups_count; ++i) {
    int length = 0;
    while (i + length < groups_count && groups[i + length] == 0) ++length;
    if (length > run_length) run_at = i, run_length = length;
    if (length > 0) i += length - 1;
  }

  for (int i = 0; i < groups_count; ++i) {
    if (i == run_at) {
      out.put(':');
      out.put(':');
      i += run_length - 1;
      continue;
    }
    if (i > 0 && (run_at < 0 || i != run_at + run_length)) out.put(':');
    out.number(groups[i], 16);
  }
  if (mapped) {
    out.put(':');
    write_v4(out, address.s6_addr + 12);
  }
}

}  // namespace

const std::error_category& address_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(address_error error) noexcept {
  return {static_cast<int>(error), address_category()};
}

result<address> address::parse(std::string_view text) noexcept {
  const bool bracketed = text.starts_with('[');
  const std::size_t bracket = bracketed ? text.find(']') : 0;
  if (bracket == text.npos) return std::unexpected(address_error::unclosed_bracket);

  const std::size_t colon = bracketed ? bracket + 1 : text.find(':');
  if (colon >= text.size()) return std::unexpected(address_error::no_port);
  if (text[colon] != ':') return std::unexpected(address_error::bad_host);
  if (!bracketed && text.find(':', colon + 1) != text.npos)
    return std::unexpected(address_error::missing_brackets);

  std::uint16_t port;
  if (colon + 1 == text.size()) return std::unexpected(address_error::no_port);
  if (!parse_number(text.substr(colon + 1), port)) return std::unexpected(address_error::bad_port);

  if (!bracketed) {
    const std::string_view host = text.substr(0, colon);
    if (host.empty()) return any_v6(port);
    address out = any_v4(port);
    if (!parse_bytes<INET_ADDRSTRLEN>(AF_INET, host, &out.storage_.v4.sin_addr))
      return std::unexpected(address_error::bad_host);
    return out;
  }

  const std::string_view host = text.substr(1, bracket - 1);
  const std::size_t percent = host.find('%');
  address out = any_v6(port);
  if (!parse_bytes<INET6_ADDRSTRLEN>(AF_INET6, host.substr(0, percent), &out.storage_.v6.sin6_addr))
    return std::unexpected(address_error::bad_host);
  if (percent != host.npos && !parse_zone(host.substr(percent + 1), out.storage_.v6.sin6_scope_id))
    return std::unexpected(address_error::unknown_zone);
  return out;
}

result<address> address::from(const sockaddr* from, socklen_t length) noexcept {
  if (length >= sizeof(sockaddr_in) && from->sa_family == AF_INET) {
    address out;
    std::memcpy(&out.storage_.v4, from, sizeof out.storage_.v4);
    return out;
  }
  if (length >= sizeof(sockaddr_in6) && from->sa_family == AF_INET6) {
    address out = any_v6(0);
    std::memcpy(&out.storage_.v6, from, sizeof out.storage_.v6);
    out.storage_.v6.sin6_flowinfo = 0;  // not part of where a socket is, and it would break comparison
    return out;
  }
  return std::unexpected(address_error::not_ip);
}

result<address> address::local_of(int fd) noexcept {
  storage bound{.v6 = {}};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, &bound.any, &length) != 0) return detail::system_failure();
  return from(&bound.any, std::min<socklen_t>(length, sizeof bound));
}

result<address> address::peer_of(int fd) noexcept {
  storage peer{.v6 = {}};
  socklen_t length = sizeof peer;
  if (::getpeername(fd, &peer.any, &length) != 0) return detail::system_failure();
  return from(&peer.any, std::min<socklen_t>(length, sizeof peer));
}

address address::any_v4(std::uint16_t port) noexcept {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return address{v4};
}

address address::any_v6(std::uint16_t port) noexcept {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  return address{v6};
}

address address::loopback_v4(std::uint16_t port) noexcept {
  address out = any_v4(port);
  out.storage_.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

address address::loopback_v6(std::uint16_t port) noexcept {
  address out = any_v6(port);
  out.storage_.v6.sin6_addr = in6addr_loopback;
  return out;
}

bool address::is_any() const noexcept {
  return is_v4() ? storage_.v4.sin_addr.s_addr == 0 : IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

bool address::is_loopback() const noexcept {
  const address plain = unmapped();
  return plain.is_v4() ? plain.bytes()[0] == 127 : IN6_IS_ADDR_LOOPBACK(&plain.storage_.v6.sin6_addr);
}

address address::with_port(std::uint16_t port) const noexcept {
  address out = *this;
  out.storage_.v4.sin_port = htons(port);
  return out;
}

address address::unmapped() const noexcept {
  if (is_v4() || !IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr)) return *this;
  address out = any_v4(port());
  std::memcpy(&out.storage_.v4.sin_addr, storage_.v6.sin6_addr.s6_addr + 12, 4);
  return out;
}

std::string_view address::write_to(std::span<char, text_max> out) const noexcept {
  writer w{out.data()};
  if (is_v4()) {
    write_v4(w, bytes().data());
  } else {
    w.put('[');
    write_v6(w, storage_.v6.sin6_addr);
    if (zone() != 0) {
      w.put('%');
      w.number(zone());
    }
    w.put(']');
  }
  w.put(':');
  w.number(port());
  return {out.data(), static_cast<std::size_t>(w.at - out.data())};
}

std::string address::string() const {
  char text[text_max];
  return std::string{write_to(text)};
}

std::span<const std::uint8_t> address::bytes() const noexcept {
  if (is_v4())
    return {reinterpret_cast<const std::uint8_t*>(&storage_.v4.sin_addr), sizeof storage_.v4.sin_addr};
  return storage_.v6.sin6_addr.s6_addr;
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
  if (a.is_v4() != b.is_v4()) return a.is_v4() ? std::strong_ordering::less : std::strong_ordering::greater;
  if (const int order = std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()); order != 0)
    return order <=> 0;
  if (a.zone() != b.zone()) return a.zone() <=> b.zone();
  return a.port() <=> b.port();
}

std::size_t address::hash() const noexcept {
  // FNV-1a over what is compared; for tables of peers, not against an adversary who picks addresses.
  std::uint64_t h = 14695981039346656037u;
  const auto mix = [&h](std::uint32_t value) { h = (h ^ value) * 1099511628211u; };
  for (const std::uint8_t byte : bytes()) mix(byte);
  mix(zone());
  mix(port());
  return static_cast<std::size_t>(h ^ h >> 32);
}

}  // namespace weft::net

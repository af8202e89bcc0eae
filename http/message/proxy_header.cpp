#include <weft/http/message/proxy_header.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

namespace weft::http::detail {
namespace {

using net::address;

// --- version 1: a line of text

constexpr std::string_view text_signature = "PROXY ";

bool has_digits(std::string_view text, std::size_t max) noexcept {
  return !text.empty() && text.size() <= max && text.find_first_not_of("0123456789") == text.npos;
}

// address::parse() knows all of the rules, and three that are none here: brackets, zones, and no host at all.
std::optional<address> parse_endpoint(bool v6, std::string_view host, std::string_view port) noexcept {
  char text[INET6_ADDRSTRLEN + 8];
  if (host.empty() || host.size() >= INET6_ADDRSTRLEN || host.find_first_of("[]%") != host.npos ||
      !has_digits(port, 5))
    return std::nullopt;
  char* at = text;
  if (v6) *at++ = '[';
  at += host.copy(at, host.size());
  if (v6) *at++ = ']';
  *at++ = ':';
  at += port.copy(at, port.size());
  const auto parsed = address::parse({text, static_cast<std::size_t>(at - text)});
  return parsed ? std::optional{*parsed} : std::nullopt;
}

// Up to the next space, which goes too.
std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == line.npos ? line.size() : space + 1);
  return word;
}

// `line` is what stands between the signature and CRLF.
bool parse_line(std::string_view line, proxy_header& out) noexcept {
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return true;  // whatever follows
  const bool v6 = family == "TCP6";
  if (!v6 && family != "TCP4") return false;
  const std::string_view from = take_word(line), to = take_word(line);
  const std::string_view from_port = take_word(line), to_port = line;
  out.source = parse_endpoint(v6, from, from_port);
  out.destination = parse_endpoint(v6, to, to_port);
  return out.source && out.destination;
}

parse_outcome parse_text(std::string_view bytes, proxy_header& out) noexcept {
  const std::size_t end = bytes.substr(0, proxy_header::text_max - 1).find_first_of("\r\n");
  if (end == bytes.npos)
    return bytes.size() < proxy_header::text_max - 1 ? parse_outcome::incomplete : parse_outcome::failed;
  if (bytes[end] != '\r') return parse_outcome::failed;
  if (end + 1 == bytes.size()) return parse_outcome::incomplete;
  const std::string_view line = bytes.substr(0, end).substr(text_signature.size());
  if (bytes[end + 1] != '\n' || !parse_line(line, out)) return parse_outcome::failed;
  out.length = end + 2;
  return parse_outcome::complete;
}

// --- version 2: a block of bytes

constexpr std::string_view binary_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t fixed_bytes = 16;  // signature, version and command, family and transport, length

constexpr std::uint8_t local = 0x20, proxy = 0x21;                          // with the version
constexpr std::size_t inet_bytes = 12, inet6_bytes = 36, unix_bytes = 216;  // two addresses, and ports
constexpr std::uint8_t checksum_type = 0x03;

std::uint8_t byte_at(std::string_view bytes, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(bytes[i]);
}
std::size_t word_at(std::string_view bytes, std::size_t i) noexcept {
  return static_cast<std::size_t>(byte_at(bytes, i) << 8 | byte_at(bytes, i + 1));
}

// RFC 4960 appendix B, of `bytes` with zeros for the four bytes at `skipped`. Bit by bit: some 100 bytes per
// connection, and few senders ask for it.
std::uint32_t crc32c(std::string_view bytes, std::size_t skipped) noexcept {
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i < skipped || i >= skipped + 4) crc ^= byte_at(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

// The extensions, from `at` to the end.
bool check_extensions(std::string_view header, std::size_t at) noexcept {
  bool checked = false;
  while (at != header.size()) {
    if (header.size() - at < 3) return false;
    const std::size_t value = at + 3, length = word_at(header, at + 1);
    if (header.size() - value < length) return false;
    if (byte_at(header, at) == checksum_type) {
      if (checked || length != 4) return false;
      checked = true;
      const std::size_t said = word_at(header, value) << 16 | word_at(header, value + 2);
      if (crc32c(header, value) != said) return false;
    }
    at = value + length;
  }
  return true;
}

// Family and transport: none, IPv4, IPv6 or unix; none, a stream or datagrams.
bool is_known(std::uint8_t kind) noexcept { return kind >> 4 <= 3 && (kind & 15) <= 2; }

// How many bytes of addresses such a connection has. That the proxy got it as datagrams (HTTP/3) does not
// matter; but if family or transport is unspecified, so is all that follows.
std::size_t addresses_length(std::uint8_t kind) noexcept {
  constexpr std::size_t of_family[] = {0, inet_bytes, inet6_bytes, unix_bytes};
  return (kind & 15) == 0 ? 0 : of_family[kind >> 4];
}

// The bytes of an address, and those of its port.
std::optional<address> make_address(bool v6, const char* host, const char* port) noexcept {
  sockaddr_in v4{};
  sockaddr_in6 in6{};
  v4.sin_family = AF_INET;
  in6.sin6_family = AF_INET6;
  std::memcpy(&v4.sin_addr, host, sizeof v4.sin_addr);
  std::memcpy(&v4.sin_port, port, sizeof v4.sin_port);
  in6.sin6_port = v4.sin_port;
  if (v6) std::memcpy(&in6.sin6_addr, host, sizeof in6.sin6_addr);
  const auto made = v6 ? address::from(reinterpret_cast<const sockaddr*>(&in6), sizeof in6)
                       : address::from(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  return made ? std::optional{*made} : std::nullopt;
}

void read_addresses(bool v6, const char* at, proxy_header& out) noexcept {
  const std::size_t host = v6 ? 16 : 4;
  out.source = make_address(v6, at, at + 2 * host);
  out.destination = make_address(v6, at + host, at + 2 * host + 2);
}

parse_outcome parse_binary(std::string_view bytes, proxy_header& out) noexcept {
  if (bytes.size() <= 12) return parse_outcome::incomplete;
  const bool proxied = byte_at(bytes, 12) == proxy;
  if (!proxied && byte_at(bytes, 12) != local) return parse_outcome::failed;
  if (bytes.size() <= 13) return parse_outcome::incomplete;
  const std::uint8_t kind = byte_at(bytes, 13);  // of a proxy's own connection it means nothing
  if (proxied && !is_known(kind)) return parse_outcome::failed;
  if (bytes.size() < fixed_bytes) return parse_outcome::incomplete;
  const std::size_t length = fixed_bytes + word_at(bytes, 14);
  const std::size_t addresses = proxied ? addresses_length(kind) : 0;
  if (length > proxy_header::binary_max || length < fixed_bytes + addresses) return parse_outcome::failed;
  if (bytes.size() < length) return parse_outcome::incomplete;
  if (addresses != 0 && !check_extensions(bytes.substr(0, length), fixed_bytes + addresses))
    return parse_outcome::failed;
  if (addresses == inet_bytes || addresses == inet6_bytes)
    read_addresses(addresses == inet6_bytes, bytes.data() + fixed_bytes, out);
  out.length = length;
  return parse_outcome::complete;
}

bool begins_alike(std::string_view bytes, std::string_view signature) noexcept {
  return bytes.substr(0, signature.size()) == signature.substr(0, bytes.size());
}

}  // namespace

parse_outcome parse_proxy_header(std::string_view bytes, proxy_header& out) noexcept {
  out = {};
  if (bytes.empty()) return parse_outcome::incomplete;
  if (begins_alike(bytes, text_signature)) return parse_text(bytes, out);
  return begins_alike(bytes, binary_signature) ? parse_binary(bytes, out) : parse_outcome::failed;
}

}  // namespace weft::http::detail

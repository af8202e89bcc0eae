// An IPv4 or IPv6 address with a port: where a socket is, or what it is to reach.
//
// A value in the form that the kernel takes, so that it goes into bind, connect and accept as it is. The text
// form is strict and always comes back as the same address: "127.0.0.1:80", "[::1]:80", "[fe80::1%2]:80"
// (RFC 4291; RFC 5952 for how an IPv6 address is written; the zone as in RFC 4007). ":80" is every address of
// this machine, as "[::]:80". Names are not addresses: tcp_stream::connect resolves them. Nothing here
// allocates but string(), or needs more than 100 bytes of stack.
#pragma once

#include <netinet/in.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Why a text is no address. Each equals std::errc::invalid_argument.
enum class address_error {
  no_port = 1,       ///< "127.0.0.1", "[::1]": the port is missing
  bad_port,          ///< not a number from 0 to 65535, or written with a sign, a space, or leading zeros
  bad_host,          ///< neither dotted IPv4 nor IPv6 in brackets
  missing_brackets,  ///< "::1:80": an IPv6 address stands in brackets, or nobody could tell the port
  unclosed_bracket,  ///< "[::1"
  unknown_zone,      ///< the "%eth9" of "[fe80::1%eth9]:80" is no interface of this machine
  not_ip,            ///< a sockaddr of another family, or too short for its own
};

/// The category of address_error; its name is "weft.address".
const std::error_category& address_category() noexcept;

std::error_code make_error_code(address_error) noexcept;

class address {
 public:
  /// 0.0.0.0:0
  address() noexcept : address{any_v4(0)} {}

  /// The address that `text` says, which has the form HOST:PORT.
  ///
  /// Errors  address_error. A zone that is a name costs a system call to look it up.
  [[nodiscard]] static result<address> parse(std::string_view text) noexcept;

  /// Errors  address_error::not_ip.
  [[nodiscard]] static result<address> from(const sockaddr* from, socklen_t length) noexcept;

  /// What the socket is bound to, or connected to.
  ///
  /// Errors  the kernel's; address_error::not_ip for a socket of another family.
  [[nodiscard]] static result<address> local_of(int fd) noexcept;
  [[nodiscard]] static result<address> peer_of(int fd) noexcept;

  static address any_v4(std::uint16_t port) noexcept;
  static address any_v6(std::uint16_t port) noexcept;
  static address loopback_v4(std::uint16_t port) noexcept;
  static address loopback_v6(std::uint16_t port) noexcept;

  bool is_v4() const noexcept { return storage_.v4.sin_family == AF_INET; }
  bool is_v6() const noexcept { return !is_v4(); }
  bool is_any() const noexcept;
  bool is_loopback() const noexcept;

  std::uint16_t port() const noexcept { return ntohs(storage_.v4.sin_port); }
  address with_port(std::uint16_t port) const noexcept;

  /// The index of the interface that a link-local IPv6 address belongs to; 0: none given.
  std::uint32_t zone() const noexcept { return is_v6() ? storage_.v6.sin6_scope_id : 0; }

  /// An IPv4 address that came as "::ffff:a.b.c.d", which is what a listener on [::] sees of IPv4 peers, as
  /// plain IPv4.
  address unmapped() const noexcept;

  /// "127.0.0.1:80", "[fe80::1%2]:80": parse() makes the same address of it.
  std::string string() const;

  static constexpr std::size_t text_max = 64;
  /// As string(), into `out`, which has room for text_max characters; no NUL. Returns the part written.
  std::string_view write_to(std::span<char, text_max> out) const noexcept;

  const sockaddr* data() const noexcept { return &storage_.any; }
  socklen_t size() const noexcept { return is_v4() ? sizeof storage_.v4 : sizeof storage_.v6; }
  int family() const noexcept { return storage_.any.sa_family; }

  /// IPv4 before IPv6, then by address, zone and port.
  friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept;
  friend bool operator==(const address& a, const address& b) noexcept { return (a <=> b) == 0; }

  /// For std::hash.
  std::size_t hash() const noexcept;

 private:
  std::span<const std::uint8_t> bytes() const noexcept;

  // The member that the family names; the two forms have the family and the port in the same place.
  union storage {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_{.v6 = {}};

  explicit address(const sockaddr_in& v4) noexcept { storage_.v4 = v4; }
  explicit address(const sockaddr_in6& v6) noexcept { storage_.v6 = v6; }
};

}  // namespace weft::net

template <>
struct std::is_error_code_enum<weft::net::address_error> : std::true_type {};

template <>
struct std::hash<weft::net::address> {
  std::size_t operator()(const weft::net::address& of) const noexcept { return of.hash(); }
};

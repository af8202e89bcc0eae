// A UDP socket: datagrams to and from IPv4 and IPv6 addresses, one or many at a time, to groups and to all.
//
// A datagram arrives whole or not at all; the network loses, doubles and reorders them. Sending hardly ever
// waits, and what has come is received without the ring: many of them by one system call (recv_many). One by
// one is in datagram_socket.hpp; a broadcast address without set_broadcast() is EACCES.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <weft/net/address.hpp>
#include <weft/net/datagram_socket.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Moves only. One fiber may send while another receives, and further ones wait their turn; close() ends all
/// with errc::closed.
class udp_socket : public detail::datagram_socket<address> {
 public:
  /// One of send_many().
  struct outgoing {
    byte_view bytes;
    std::optional<address> to{};  // none: the peer of connect()
  };
  /// One of recv_many(): the buffer is the caller's, the rest is filled in.
  struct incoming {
    std::span<std::byte> into;
    received_from got{};
  };

  /// Bound to "127.0.0.1:53", "[::1]:53", or ":53" for every address of the machine, IPv4 included (as
  /// "[::]:53"; 0.0.0.0 on a machine without IPv6); port 0: any free one.
  ///
  /// Errors     address_error; EADDRINUSE, EACCES, EADDRNOTAVAIL and what else the kernel says.
  [[nodiscard]] static result<udp_socket> bind(std::string_view at);

  /// The same; `shared`: others that say so too may bind the address, as receivers of a group do
  /// (SO_REUSEADDR).
  [[nodiscard]] static result<udp_socket> bind(const address& at, bool shared = false);

  /// Bound to a free port and connected to `host_port`, which may be a name (its first address).
  ///
  /// Blocks     the calling fiber, while a name is looked up.
  /// Errors     those of tcp_stream::connect() about names and addresses; the kernel's.
  [[nodiscard]] static result<udp_socket> connect(std::string_view host_port, deadline until = {});

  /// Makes `to` the one that send() sends to, and who alone is heard.
  ///
  /// Errors     the kernel's.
  [[nodiscard]] result<void> connect(const address& to);

  /// How many one system call of the two below takes.
  static constexpr std::size_t batch_max = 64;

  /// Sends all of `datagrams`, in order, and says how many have gone out: fewer only if one failed, or at the
  /// deadline; an error if not even the first has.
  ///
  /// Cost       one system call per batch_max.
  [[nodiscard]] result<std::size_t> send_many(std::span<const outgoing> datagrams, deadline until = {});

  /// Receives as many datagrams as are there, at least one and at most `into.size()` or batch_max, and says
  /// how many.
  ///
  /// Cost       one system call.
  [[nodiscard]] result<std::size_t> recv_many(std::span<incoming> into, deadline until = {});

  // Groups (RFC 1112, RFC 3493). `interface`: its index (if_nametoindex), 0 lets the kernel choose. Errors:
  // the kernel's.

  /// Receives what is sent to `group`, whose port does not matter: it is this socket's. Other groups are
  /// not heard.
  [[nodiscard]] result<void> join(const address& group, unsigned interface = 0);
  [[nodiscard]] result<void> leave(const address& group, unsigned interface = 0);

  /// Through which interface, how far (0: not beyond this machine, 1: not beyond the next router), and
  /// whether to this machine's own members too, what is sent to a group goes.
  [[nodiscard]] result<void> set_multicast_interface(unsigned interface);
  [[nodiscard]] result<void> set_multicast_hops(int hops);
  [[nodiscard]] result<void> set_multicast_loopback(bool on);

  /// Lets it send to broadcast addresses (IPv4 only).
  [[nodiscard]] result<void> set_broadcast(bool on);

  /// Where it is bound, port included, in the form of address::parse(); empty once closed.
  std::string local_address() const;

 private:
  explicit udp_socket(int fd, bool is_v6) noexcept : datagram_socket{fd}, is_v6_{is_v6} {}

  static result<udp_socket> open(int family);
  result<void> set(int level, int name, const void* value, socklen_t size) noexcept;
  result<void> set_membership(int name, const address& group, unsigned interface) noexcept;

  bool is_v6_;
};

}  // namespace weft::net

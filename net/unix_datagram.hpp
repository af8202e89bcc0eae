// A unix socket for datagrams: each arrives whole, once, and in order, or the sender waits.
//
// It has a path or an abstract name if it is to be reached by others, and goes by none if it only sends. What
// both do is in datagram_socket.hpp. Of a receiver that it is not connected to, the kernel does not tell when
// there is room again, so there send_to() waits in steps of 1 to 16 ms.
#pragma once

#include <string_view>
#include <utility>

#include <weft/net/bound_path.hpp>
#include <weft/net/datagram_socket.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Moves only. One fiber may send while another receives; close() from a third ends both with errc::closed.
class unix_datagram : public detail::datagram_socket<unix_address> {
 public:
  /// Bound to "/run/weft.sock" or "@abstract". The path goes with this object.
  ///
  /// Errors     those of unix_address::parse(); EADDRINUSE: the path is there; ENOENT, EACCES and what else
  ///            the kernel says.
  [[nodiscard]] static result<unix_datagram> bind(std::string_view at);

  /// One without a name, to send from.
  [[nodiscard]] static result<unix_datagram> open();

  /// Two without names, connected to each other.
  [[nodiscard]] static result<std::pair<unix_datagram, unix_datagram>> pair();

  /// Makes `to` the one that send() sends to, and who alone is heard.
  ///
  /// Errors     those of unix_address::parse(); ENOENT, ECONNREFUSED, EACCES.
  [[nodiscard]] result<void> connect(std::string_view to);

 private:
  explicit unix_datagram(int fd) noexcept : datagram_socket{fd} {}

  detail::bound_path path_;
};

}  // namespace weft::net

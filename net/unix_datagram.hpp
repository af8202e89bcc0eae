// A unix socket for datagrams: each arrives whole, once, and in order, or the sender waits.
//
// It has a path or an abstract name if it is to be reached by others, and goes by none if it only sends.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <weft/io/descriptor.hpp>
#include <weft/net/bound_path.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Moves only. One fiber may send while another receives; close() from a third ends both with errc::closed.
class unix_datagram {
 public:
  struct received {
    std::size_t size = 0;    // may be 0: an empty datagram
    bool truncated = false;  // it was longer than the buffer: its rest is lost
  };
  struct received_from : received {
    unix_address from;  // unnamed: nobody could answer
  };

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

  /// Sends one datagram to the peer of connect() or pair().
  ///
  /// Blocks     the calling fiber, while the receiver's queue is full.
  /// Errors     closed, canceled, deadline_exceeded; EMSGSIZE, ECONNREFUSED (the receiver is gone), ENOTCONN
  ///            and what else the kernel says. Nothing has gone out.
  /// Safe from  any fiber.
  [[nodiscard]] result<void> send(byte_view bytes, deadline until = {});

  /// Sends one datagram to `to`. As send(); of a receiver to which one is not connected the kernel does not
  /// tell when there is room again, so the wait is in steps of 1 to 16 ms.
  [[nodiscard]] result<void> send_to(byte_view bytes, const unix_address& to, deadline until = {});

  /// Receives one datagram.
  ///
  /// Blocks     the calling fiber, until one is there.
  /// Errors     closed, canceled, deadline_exceeded.
  /// Safe from  any fiber.
  [[nodiscard]] result<received> recv(std::span<std::byte> into, deadline until = {});
  [[nodiscard]] result<received_from> recv_from(std::span<std::byte> into, deadline until = {});

  /// Ends whatever waits here with errc::closed and closes. Safe from  any fiber or thread.
  void close() noexcept { descriptor_.close(); }

  /// The socket, for its options; -1 once closed.
  int native_handle() const noexcept { return descriptor_.native_handle(); }

 private:
  explicit unix_datagram(int fd) noexcept : descriptor_{fd} {}

  detail::bound_path path_;
  detail::descriptor descriptor_;
};

}  // namespace weft::net

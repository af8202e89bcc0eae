// Datagrams to and from addresses of one kind, with deadlines, by fibers: what UDP and unix sockets have in
// common.
//
// A datagram is nearly always taken at once, and one that has come is received without the ring: see
// message.hpp.
#pragma once

#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <span>

#include <weft/io/descriptor.hpp>
#include <weft/net/address.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::detail {

/// Whom a datagram is from, out of what the kernel has filled in. What a socket on [::] calls ::ffff:a.b.c.d
/// is a.b.c.d to whoever compares it, or answers.
net::address sender_in(const sockaddr_in6& filled, socklen_t size) noexcept;
net::unix_address sender_in(const sockaddr_un& filled, socklen_t size) noexcept;

/// Moves only. One fiber may send while another receives, and further ones wait their turn; close() ends all
/// with errc::closed.
template <class Address>
class datagram_socket {
 public:
  struct received {
    std::size_t size = 0;    // may be 0: an empty datagram
    bool truncated = false;  // it was longer than the buffer: its rest is lost
  };
  struct received_from : received {
    Address from;  // an unnamed unix address: nobody could answer
  };

  // Each of these
  //
  //   Blocks     the calling fiber, while the kernel's buffer, or the receiver's queue, is full; or while
  //              nothing has come.
  //   Errors     closed, canceled, deadline_exceeded; what the kernel says. One that is connected hears of an
  //              earlier datagram that nobody received (ECONNREFUSED).
  //   Safe from  any fiber or thread.

  /// Sends one datagram to the peer that it is connected to. Errors: also EMSGSIZE; EDESTADDRREQ, ENOTCONN:
  /// there is none. Nothing has gone out.
  [[nodiscard]] result<void> send(byte_view bytes, deadline until = {});

  /// Sends one datagram to `to`. Errors: also EMSGSIZE.
  [[nodiscard]] result<void> send_to(byte_view bytes, const Address& to, deadline until = {});

  /// Receives one datagram.
  [[nodiscard]] result<received> recv(std::span<std::byte> into, deadline until = {});
  [[nodiscard]] result<received_from> recv_from(std::span<std::byte> into, deadline until = {});

  /// Ends whatever waits here with errc::closed and closes. Safe from  any fiber or thread.
  void close() noexcept { descriptor_.close(); }

  /// The socket, for its options; -1 once closed.
  int native_handle() const noexcept { return descriptor_.native_handle(); }

 protected:
  explicit datagram_socket(int fd) noexcept : descriptor_{fd} {}
  datagram_socket(datagram_socket&&) noexcept = default;
  datagram_socket& operator=(datagram_socket&&) noexcept = default;
  ~datagram_socket() = default;  // closes

  descriptor descriptor_;
};

extern template class datagram_socket<net::address>;
extern template class datagram_socket<net::unix_address>;

}  // namespace weft::detail

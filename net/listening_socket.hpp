// Sockets that listen: the first of a port, which must have it alone, and those that join it, one per worker.
//
// Each worker shall have a listener of its own (SO_REUSEPORT; the kernel spreads connections over them), yet
// a second process that wants the port must hear EADDRINUSE, where SO_REUSEPORT from the start would let it
// share in silence and take half of the connections. So the first socket binds *and listens* without
// SO_REUSEPORT: listen() checks the port again, for all that were bound in the meantime, so of two racing
// processes one fails. Only then is SO_REUSEPORT set on it, which lets the others join; who comes as a first
// one is refused as before. (Set between bind and listen, two racing processes both succeed.)
//
// The kernel lets only sockets of the same user join, and checks a privileged port again: after setuid()
// joining fails, and the listener does with one socket.
#pragma once

#include <cstdint>
#include <string_view>

#include <weft/net/address.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::detail {

struct listening_socket {
  int fd = -1;            // the caller's to close
  bool joinable = false;  // join_listening_socket works on its address; never so for an inherited one
  bool shares = false;    // its address with others, if an inherited one: connections are spread over them
};

/// A listening stream socket that this process was given as descriptor `number`, in decimal: close-on-exec
/// and non-blocking from now on, and the caller's. `unix_domain`: of which of the two kinds it must be.
///
/// Errors  EBADF if there is none, ENOTSOCK, EINVAL if it does not listen, EAFNOSUPPORT if it is of another
///         kind.
[[nodiscard]] result<int> adopt_listening_socket(std::string_view number, bool unix_domain) noexcept;

/// Listens at `at`: "127.0.0.1:80", "[::]:80", ":80" (as "[::]:80"), port 0 for any free one, "fd:3" for a
/// listening socket that this process was given. [::] takes IPv4 connections too, and is 0.0.0.0 on a machine
/// without IPv6.
///
/// Errors  address_error; the kernel's (EADDRINUSE, EACCES, EADDRNOTAVAIL, EMFILE); for "fd:N" those of
///         adopt_listening_socket().
[[nodiscard]] result<listening_socket> open_listening_socket(std::string_view at, int backlog) noexcept;

/// One more socket that listens at `local`, where a joinable one does.
///
/// Errors  the kernel's.
[[nodiscard]] result<int> join_listening_socket(const net::address& local, int backlog) noexcept;

}  // namespace weft::detail

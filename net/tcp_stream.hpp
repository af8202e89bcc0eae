// A TCP connection: bytes both ways, with deadlines, by fibers.
//
// What can be done with it once it stands, reading, writing and closing, is that of every stream: see
// io/byte_stream.hpp.
#pragma once

#include <string_view>

#include <weft/io/byte_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Moves only. One fiber may read while another writes; close() from a third ends both with errc::closed.
class tcp_stream : public detail::socket_stream {
 public:
  /// Connects to "127.0.0.1:80", "[::1]:80" or "example.com:80", with no_delay set. The addresses of a name
  /// race as in RFC 8305: the next one is tried 250 ms after the last, or as soon as that has failed, until
  /// one answers; `until` is for all of them together. net::resolver does the same with a cache.
  ///
  /// Blocks     the calling fiber; a name is looked up on the offload pool.
  /// Errors     canceled, deadline_exceeded; address_error for what is no HOST:PORT; "weft.resolve" for what
  ///            is no name (getaddrinfo's codes); of the last address tried ECONNREFUSED, ENETUNREACH,
  ///            EHOSTUNREACH, and what else the kernel says.
  [[nodiscard]] static result<tcp_stream> connect(std::string_view host_port, deadline until = {});

  /// Owns `connected`, a non-blocking socket; -1: closed from the start.
  explicit tcp_stream(int connected) noexcept : byte_stream{connected} {}
};

}  // namespace weft::net

// A TCP connection: bytes both ways, with deadlines, by fibers.
//
// One fiber may read while another writes; a second one in the same direction waits its turn. close() from a
// third ends both with errc::closed, and the descriptor's number is not reused before both have let go of it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <weft/io/descriptor.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

class tcp_stream {
 public:
  /// Connects to "127.0.0.1:80", "[::1]:80" or "example.com:80", with no_delay set. The addresses of a name
  /// are tried one after the other until one answers; `until` is for all of them together.
  ///
  /// Blocks     the calling fiber; a name is looked up on the offload pool.
  /// Errors     canceled, deadline_exceeded; address_error for what is no HOST:PORT; "weft.resolve" for what
  ///            is no name (getaddrinfo's codes); of the last address tried ECONNREFUSED, ENETUNREACH,
  ///            EHOSTUNREACH, and what else the kernel says.
  [[nodiscard]] static result<tcp_stream> connect(std::string_view host_port, deadline until = {});

  /// Owns `connected`, a non-blocking socket; -1: closed from the start.
  explicit tcp_stream(int connected) noexcept;

  tcp_stream(tcp_stream&&) noexcept = default;
  tcp_stream& operator=(tcp_stream&&) noexcept = default;
  /// close().
  ~tcp_stream() = default;

  /// Reads what is there, at least one byte; 0 at the end of the stream, or if `into` is empty.
  ///
  /// Blocks     the calling fiber, while nothing is there.
  /// Errors     closed, canceled, deadline_exceeded; ECONNRESET and what else the kernel says.
  /// Cancelled  nothing has been taken.
  /// Safe from  any fiber.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, deadline until = {});

  /// Fills `into`.
  ///
  /// Errors     end_of_stream: the peer ended it before; else as read(). What had come by then is lost.
  [[nodiscard]] result<void> read_exactly(std::span<std::byte> into, deadline until = {});

  /// Waits until read() would not wait: bytes, the end, or an error. So no buffer is taken before there is
  /// need of one.
  ///
  /// Errors     closed, canceled, deadline_exceeded.
  [[nodiscard]] result<void> wait_readable(deadline until = {});

  /// Writes all of `bytes`, in as many pieces as it takes. Bytes written are in the kernel, not yet with the
  /// peer.
  ///
  /// Blocks     the calling fiber, while the peer takes nothing and the kernel's buffer is full.
  /// Errors     closed, canceled, deadline_exceeded; EPIPE (never SIGPIPE), ECONNRESET and what else the
  ///            kernel says. Part of `bytes` may have gone out.
  /// Safe from  any fiber; two at a time each send theirs, but perhaps mixed.
  [[nodiscard]] result<void> write_all(byte_view bytes, deadline until = {});

  /// Writes as much as the kernel takes at once, at least one byte, and says how much; 0 only if `bytes` is
  /// empty.
  ///
  /// Errors     as write_all(), and nothing has gone out.
  [[nodiscard]] result<std::size_t> write_some(byte_view bytes, deadline until = {});

  /// Tells the peer that nothing more will come: it reads 0 after all that was written. Reading goes on.
  ///
  /// Errors     closed; ENOTCONN.
  result<void> shutdown_write();

  /// Ends whatever waits here with errc::closed, waits until the kernel has let go of its buffers, and
  /// closes.
  ///
  /// Safe from  any fiber or thread; more than once does no harm. No cancellation point.
  void close() noexcept;

  /// The socket, for its options; -1 once closed.
  int native_handle() const noexcept;

 private:
  detail::descriptor socket_;
};

}  // namespace weft::net

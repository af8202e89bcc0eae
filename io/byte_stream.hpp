// Bytes both ways over a descriptor, with deadlines, by fibers: what TCP streams, unix streams and the ends
// of pipes have in common.
//
// One fiber may read while another writes; a second one in the same direction waits its turn. close() from a
// third ends both with errc::closed, and the descriptor's number is not reused before both have let go of it.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

#include <weft/io/descriptor.hpp>
#include <weft/io/transfer_result.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::io {
class transfer_end;
}

namespace weft::detail {

/// How a socket's bytes are moved: never SIGPIPE, and data that is likely to be there is asked for directly.
struct socket_transfer {
  static outcome read(descriptor& from, std::span<std::byte> into, deadline until) noexcept {
    return from.recv_outcome(into, 0, until);
  }
  static outcome write(descriptor& to, std::span<const std::byte> bytes, deadline until) noexcept {
    return to.send_outcome(bytes, 0, until);
  }
};

/// How those of a pipe or terminal are.
struct file_transfer {
  static outcome read(descriptor& from, std::span<std::byte> into, deadline until) noexcept {
    return from.read_outcome(into, -1, until);
  }
  static outcome write(descriptor& to, std::span<const std::byte> bytes, deadline until) noexcept {
    return to.write_outcome(bytes, -1, until);
  }
};

/// Moves only.
template <class Transfer>
class byte_stream {
 public:
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

  /// As read(), into a buffer of 4 KiB that the worker lends when bytes have come: who waits costs no memory
  /// but his stack. The buffers are few (256 per worker) and `by` says how many of them one reader may hold;
  /// other bytes go into what `own()` gives, a std::span<std::byte>, which is asked for only then, and on
  /// foreign threads. Empty at the end of the stream. io_uring lets the kernel choose the buffer.
  template <std::invocable F>
  [[nodiscard]] result<io::leased_bytes> read_leased(io::lessee& by, F own, deadline until = {})
    requires std::same_as<Transfer, socket_transfer>
  {
    return descriptor_.recv_leased(by, std::move(own), until);
  }

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

  /// As write_all(), but the network card reads `bytes` where they are, if kernel and connection can do that
  /// (SEND_ZC of io_uring; over the loopback the kernel copies them in the end). `way` of the result is
  /// zero_copy if nothing was copied. It pays for large blocks over a real network, where memory is the
  /// bottleneck, and costs a wait for the peer's acknowledgement.
  ///
  /// Blocks     the calling fiber, until the kernel has let go of `bytes`.
  /// Errors     as write_all(), and in the error how many the kernel had taken, and under `bytes` those of
  ///            them that were not given up with the connection. EINVAL: `bytes` lie on the stack of a fiber.
  /// Cancelled  when the kernel has let go of `bytes`, as for a deadline and close(). If the peer has not
  ///            acknowledged by then what was sent, nothing but the end of the connection makes the kernel do
  ///            so: the peer sees a reset.
  /// Safe from  any fiber.
  [[nodiscard]] io::transfer_result write_all_zero_copy(byte_view bytes, deadline until = {})
    requires std::same_as<Transfer, socket_transfer>;

  /// Tells the peer that nothing more will come: it reads 0 after all that was written. Reading goes on.
  ///
  /// Errors     closed; ENOTCONN.
  result<void> shutdown_write()
    requires std::same_as<Transfer, socket_transfer>;

  /// Ends whatever waits here with errc::closed, waits until the kernel has let go of its buffers, and
  /// closes.
  ///
  /// Safe from  any fiber or thread; more than once does no harm. No cancellation point.
  void close() noexcept { descriptor_.close(); }

  /// Gives the descriptor, non-blocking, to the caller; the stream is closed then. Nobody may be using it.
  int release() noexcept { return descriptor_.release(); }

  /// The descriptor, for its options; -1 once closed.
  int native_handle() const noexcept { return descriptor_.native_handle(); }

 protected:
  /// Owns `fd`; -1: closed from the start.
  explicit byte_stream(int fd) noexcept : descriptor_{fd} {}
  byte_stream(byte_stream&&) noexcept = default;
  byte_stream& operator=(byte_stream&&) noexcept = default;
  ~byte_stream() = default;  // closes

  descriptor descriptor_;

 private:
  friend class io::transfer_end;
};

using socket_stream = byte_stream<socket_transfer>;
using file_stream = byte_stream<file_transfer>;

extern template class byte_stream<socket_transfer>;
extern template class byte_stream<file_transfer>;

}  // namespace weft::detail

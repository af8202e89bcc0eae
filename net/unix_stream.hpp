// A connection between two processes of one machine: bytes both ways, open descriptors with them, and who is
// at the other end.
//
// Reading, writing and closing is that of every stream: see io/byte_stream.hpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <weft/io/byte_stream.hpp>
#include <weft/io/owned_descriptor.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Who was at the other end when the connection was made (SO_PEERCRED): what the kernel vouches for.
struct peer_credentials {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};

/// What receive() has got.
struct received_message {
  std::size_t bytes = 0;          // 0: the end of the stream
  std::size_t descriptors = 0;    // the first so many of those that were to be filled
  bool descriptors_lost = false;  // there were more: the rest has been closed
};

/// Moves only. One fiber may read while another writes; close() from a third ends both with errc::closed.
class unix_stream : public detail::socket_stream {
 public:
  /// Connects to "/run/weft.sock" or "@abstract" (see unix_address).
  ///
  /// Blocks     the calling fiber, while the listener's backlog is full.
  /// Errors     canceled, deadline_exceeded; those of unix_address::parse(); ENOENT, ECONNREFUSED (nobody
  ///            listens there), EACCES, EPROTOTYPE and what else the kernel says.
  [[nodiscard]] static result<unix_stream> connect(std::string_view to, deadline until = {});

  /// Two that are connected to each other.
  ///
  /// Errors     the kernel's.
  [[nodiscard]] static result<std::pair<unix_stream, unix_stream>> pair();

  /// Owns `connected`, a non-blocking socket; -1: closed from the start.
  explicit unix_stream(int connected) noexcept : byte_stream{connected} {}

  /// Descriptors that one call passes on or takes at most.
  static constexpr std::size_t descriptors_max = 16;

  /// Writes all of `bytes`, at least one, and passes `descriptors` on with the first: the peer gets its own
  /// numbers for the same open files.
  ///
  /// Errors     as write_all(); EBADF; ETOOMANYREFS: too many are under way.
  /// Safe from  any fiber.
  [[nodiscard]] result<void> send(byte_view bytes, std::span<const int> descriptors, deadline until = {});

  /// As read(), and puts the descriptors that came with these bytes into `into_descriptors`, close-on-exec.
  /// A plain read() closes what comes with its bytes.
  ///
  /// Errors     as read().
  /// Safe from  any fiber.
  [[nodiscard]] result<received_message> receive(std::span<std::byte> into,
                                                 std::span<io::owned_descriptor> into_descriptors,
                                                 deadline until = {});

  /// Errors     the kernel's.
  [[nodiscard]] result<peer_credentials> peer() const noexcept;
};

}  // namespace weft::net

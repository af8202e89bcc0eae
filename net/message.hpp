// One message of a socket: its bytes, whom it is for or from, and the descriptors that come with it.
//
// sendmsg() and recvmsg() by a try, and a wait for readiness if that fails: a datagram is nearly always taken
// at once, and one that has come is read without the ring. Descriptors travel as SCM_RIGHTS (unix(7)).
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>

#include <weft/io/descriptor.hpp>
#include <weft/io/owned_descriptor.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::detail {

/// Descriptors that one message can carry here. The kernel takes 253, but their room is on a fiber's stack.
inline constexpr std::size_t descriptors_per_message = 16;

struct outgoing_message {
  std::span<const std::byte> bytes;
  const sockaddr* to = nullptr;  // nullptr: the peer that the socket is connected to
  socklen_t to_size = 0;
  std::span<const int> descriptors{};
};

struct incoming_message {
  std::span<std::byte> into;
  sockaddr* from = nullptr;  // nullptr: nobody asks
  socklen_t from_size = 0;   // the room, then what the kernel says
  std::span<io::owned_descriptor> descriptors{};

  // Afterwards.
  std::size_t descriptors_count = 0;
  bool truncated = false;         // the datagram was longer than `into`: its rest is lost
  bool descriptors_lost = false;  // there were more of them: the rest has been closed
};

/// Bytes sent: all of a datagram, perhaps a part in a stream.
///
/// Errors     those of descriptor's operations; the kernel's.
[[nodiscard]] result<std::size_t> send_message(descriptor& from, const outgoing_message& m,
                                               deadline until) noexcept;

/// Bytes received.
[[nodiscard]] result<std::size_t> receive_message(descriptor& by, incoming_message& m,
                                                  deadline until) noexcept;

}  // namespace weft::detail

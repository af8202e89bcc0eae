#include <weft/net/unix_stream.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include <weft/net/message.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {

static_assert(unix_stream::descriptors_max == detail::descriptors_per_message);

result<unix_stream> unix_stream::connect(std::string_view to, deadline until) {
  const unix_address at = WEFT_TRY(unix_address::parse(to));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return detail::system_failure();
  unix_stream made{fd};
  // It succeeds or fails at once; a full backlog is EAGAIN, of which no readiness tells the end.
  const auto attempt = [&at](int socket) noexcept {
    return ::connect(socket, at.data(), at.size()) == 0 ? 0 : -errno;
  };
  WEFT_TRY(made.descriptor_.when_ready(POLLOUT, attempt, until));
  return made;
}

result<std::pair<unix_stream, unix_stream>> unix_stream::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    return detail::system_failure();
  return std::pair{unix_stream{fds[0]}, unix_stream{fds[1]}};
}

result<void> unix_stream::send(byte_view bytes, std::span<const int> descriptors, deadline until) {
  WEFT_ASSERT(!bytes.empty(), "descriptors travel with bytes: send at least one");
  const std::size_t sent =
      WEFT_TRY(detail::send_message(descriptor_, {.bytes = bytes, .descriptors = descriptors}, until));
  return write_all(bytes.subspan(sent), until);
}

result<received_message> unix_stream::receive(std::span<std::byte> into,
                                              std::span<io::owned_descriptor> into_descriptors,
                                              deadline until) {
  if (into.empty()) return received_message{};
  detail::incoming_message m{.into = into, .descriptors = into_descriptors};
  const std::size_t count = WEFT_TRY(detail::receive_message(descriptor_, m, until));
  return received_message{count, m.descriptors_count, m.descriptors_lost};
}

result<peer_credentials> unix_stream::peer() const noexcept {
  ucred who;
  socklen_t size = sizeof who;
  if (::getsockopt(native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
    return detail::system_failure();
  return peer_credentials{who.pid, who.uid, who.gid};
}

}  // namespace weft::net

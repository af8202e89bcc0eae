#include <weft/io/receive_provided.hpp>

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include <weft/io/attempt.hpp>

namespace weft::detail {

int receive_provided(provided_buffers& from, operation& op) noexcept {
  std::byte* const buffer = from.take();
  if (buffer == nullptr) {
    from.count_refusal();
    return -ENOBUFS;
  }
  const std::size_t length = std::min<std::size_t>(op.length, provided_buffers::buffer_bytes);
  ssize_t n = -1;
  do n = ::recv(op.fd, buffer, length, static_cast<int>(op.flags) | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  const int error = n < 0 ? errno : 0;
  if (n > 0) {
    from.cut(buffer, static_cast<std::size_t>(n));
    op.address = buffer;
    return static_cast<int>(n);
  }
  from.give(buffer);
  return error == EAGAIN || error == EWOULDBLOCK ? must_wait : -error;
}

}  // namespace weft::detail

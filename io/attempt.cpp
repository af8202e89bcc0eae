#include <weft/io/attempt.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {
namespace {

// Those that are not inlined here keep their frames to themselves: an attempt may be made on a fiber's stack.

enum class file_kind : std::uint8_t { socket, stored, other };

bool is_read(const operation& op) noexcept {
  return op.code == operation_code::read || op.code == operation_code::readv ||
         op.code == operation_code::recv;
}

// The buffers of a read or write: the caller's vector, or `one` made to hold the one buffer.
std::span<const iovec> buffers_of(const operation& op, iovec& one) noexcept {
  if (op.code == operation_code::readv || op.code == operation_code::writev) {
    return {static_cast<const iovec*>(op.address), op.length};
  }
  one = {op.address, op.length};
  return {&one, 1};
}

bool would_wait(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

// Calls f, which answers as a system call does, until no signal interrupts it. Its value, must_wait, or
// -errno.
template <class F>
int retried(F f) noexcept {
  for (;;) {
    const ssize_t r = f();
    if (r >= 0) return static_cast<int>(r);
    if (errno != EINTR) return would_wait(errno) ? must_wait : -errno;
  }
}

int set_non_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  return ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

WEFT_NOINLINE int attempt_message(const operation& op) noexcept {
  iovec one;
  const std::span<const iovec> buffers = buffers_of(op, one);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(buffers.data());
  message.msg_iovlen = buffers.size();
  return retried([&] {
    return is_read(op) ? ::recvmsg(op.fd, &message, MSG_DONTWAIT)
                       : ::sendmsg(op.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

// recv and send. MSG_WAITALL goes on where the last try stopped, as the ring does.
WEFT_NOINLINE int attempt_transfer(operation& op) noexcept {
  const int flags = static_cast<int>(op.flags);
  const bool all = (flags & MSG_WAITALL) != 0 && (flags & MSG_PEEK) == 0;
  for (;;) {
    const auto done = static_cast<std::uint32_t>(op.poller_result);
    std::byte* const address = static_cast<std::byte*>(op.address) + done;
    const std::size_t length = op.length - done;
    const int r = retried([&] {
      return is_read(op) ? ::recv(op.fd, address, length, flags | MSG_DONTWAIT)
                         : ::send(op.fd, address, length, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (r == must_wait && (flags & MSG_DONTWAIT) != 0) return progress_or(op, -EAGAIN);
    if (r == must_wait) return must_wait;
    if (r <= 0) return progress_or(op, r);
    op.poller_result += r;
    if (!all || static_cast<std::uint32_t>(op.poller_result) == op.length) return op.poller_result;
  }
}

WEFT_NOINLINE file_kind kind_of(int fd, int& error) noexcept {
  struct stat status;
  error = ::fstat(fd, &status) == 0 ? 0 : -errno;
  if (error != 0) return file_kind::other;
  if (S_ISSOCK(status.st_mode)) return file_kind::socket;
  const bool stored = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || S_ISDIR(status.st_mode);
  return stored ? file_kind::stored : file_kind::other;
}

// A descriptor that knows no RWF_NOWAIT: ready first, then no more than fits at once into whatever is ready.
int attempt_polled(const operation& op, bool seen_ready) noexcept {
  pollfd ready{op.fd, static_cast<short>(is_read(op) ? POLLIN : POLLOUT), 0};
  // Not asked before epoll has accepted the descriptor: poll(2) calls ready what epoll refuses and what may
  // block.
  if (!seen_ready || ::poll(&ready, 1, 0) <= 0) return must_wait;
  iovec one;
  one = buffers_of(op, one).front();
  if (!is_read(op)) one.iov_len = std::min<std::size_t>(one.iov_len, PIPE_BUF);
  return retried([&] {
    const int flags = static_cast<int>(op.flags);
    return is_read(op) ? ::preadv2(op.fd, &one, 1, op.offset, flags)
                       : ::pwritev2(op.fd, &one, 1, op.offset, flags);
  });
}

WEFT_NOINLINE int attempt_file(const operation& op, bool seen_ready) noexcept {
  int error = 0;
  switch (kind_of(op.fd, error)) {
    case file_kind::socket: return attempt_message(op);
    case file_kind::stored: return needs_thread;
    case file_kind::other: break;
  }
  if (error != 0) return error;
  iovec one;
  const std::span<const iovec> buffers = buffers_of(op, one);
  const auto count = static_cast<int>(buffers.size());
  const int flags = static_cast<int>(op.flags) | RWF_NOWAIT;
  const int r = retried([&] {
    return is_read(op) ? ::preadv2(op.fd, buffers.data(), count, op.offset, flags)
                       : ::pwritev2(op.fd, buffers.data(), count, op.offset, flags);
  });
  return r == -EOPNOTSUPP && count > 0 ? attempt_polled(op, seen_ready) : r;
}

// Asking again is how a connection in progress is followed: 0 or EISCONN once it stands, EALREADY before,
// else its error.
WEFT_NOINLINE int attempt_connect(operation& op) noexcept {
  const bool begun = op.poller_result != 0;
  if (!begun) {
    op.poller_result = 1;
    if (const int error = set_non_blocking(op.fd); error != 0) return error;
  }
  if (::connect(op.fd, static_cast<const sockaddr*>(op.address), op.length) == 0) return 0;
  if (errno == EINPROGRESS || errno == EINTR || (begun && errno == EALREADY)) return must_wait;
  return begun && errno == EISCONN ? 0 : -errno;
}

}  // namespace

int attempt(operation& op, bool seen_ready) noexcept {
  switch (op.code) {
    case operation_code::recv:
    case operation_code::send:
    case operation_code::send_zero_copy: return attempt_transfer(op);  // copies
    case operation_code::connect: return attempt_connect(op);
    case operation_code::accept: {
      const bool begun = op.poller_result != 0;
      op.poller_result = 1;
      if (const int error = begun ? 0 : prepare_accept(op.fd); error != 0) return error;
      return attempt_accept(op);
    }
    default: return attempt_file(op, seen_ready);
  }
}

int progress_or(const operation& op, int otherwise) noexcept {
  const bool counts_bytes = op.code == operation_code::recv || op.code == operation_code::send ||
                            op.code == operation_code::send_zero_copy;
  return counts_bytes && op.poller_result > 0 ? op.poller_result : otherwise;
}

int perform_blocking(const operation& op) noexcept {
  iovec one;
  const std::span<const iovec> buffers = buffers_of(op, one);
  const auto count = static_cast<int>(buffers.size());
  const int flags = static_cast<int>(op.flags);
  const ssize_t r = is_read(op) ? ::preadv2(op.fd, buffers.data(), count, op.offset, flags)
                                : ::pwritev2(op.fd, buffers.data(), count, op.offset, flags);
  return r >= 0 ? static_cast<int>(r) : -errno;
}

int attempt_accept(const operation& op) noexcept {
  return retried([&] { return ::accept4(op.fd, nullptr, nullptr, static_cast<int>(op.flags)); });
}

int prepare_accept(int fd) noexcept {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return -errno;
  return listening != 0 ? set_non_blocking(fd) : -EINVAL;
}

}  // namespace weft::detail

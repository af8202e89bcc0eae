#include "accept_trial.hpp"

#include <cerrno>
#include <cstddef>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weft/io/ring.hpp>

namespace weft_doctor {
namespace {

constexpr unsigned ring_depth = 8;
constexpr long patience_seconds = 1;  // a connection to this process takes microseconds

struct unix_socket {
  unix_socket() noexcept : fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}
  unix_socket(const unix_socket&) = delete;
  unix_socket& operator=(const unix_socket&) = delete;
  ~unix_socket() {
    if (fd >= 0) ::close(fd);
  }

  const int fd;
};

// Listens at a name that the kernel chooses, which is in no file system and needs no network.
int listen_anywhere(const unix_socket& s, sockaddr_un& at, socklen_t& size) noexcept {
  at = {};
  at.sun_family = AF_UNIX;
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  if (::bind(s.fd, address, offsetof(sockaddr_un, sun_path)) != 0 || ::listen(s.fd, 2) != 0) return errno;
  size = sizeof at;
  return ::getsockname(s.fd, address, &size) == 0 ? 0 : errno;
}

// Takes one connection; `more`: the same accept will take another.
int take_one(io_uring& from, bool& more) noexcept {
  __kernel_timespec patience{.tv_sec = patience_seconds, .tv_nsec = 0};
  io_uring_cqe* cqe = nullptr;
  if (const int error = io_uring_submit_and_wait_timeout(&from, &cqe, 1, &patience, nullptr); error < 0)
    return -error;
  const int accepted = cqe->res;
  more = (cqe->flags & IORING_CQE_F_MORE) != 0;
  io_uring_cqe_seen(&from, cqe);
  if (accepted < 0) return -accepted;
  ::close(accepted);
  return 0;
}

}  // namespace

int try_multishot_accept() noexcept {
  const unix_socket listener, clients[2];
  sockaddr_un at;
  socklen_t size = 0;
  if (const int error = listen_anywhere(listener, at, size)) return error;
  weft::detail::ring trial;  // goes before the listener, and with it the accept
  if (const int error = trial.open(ring_depth); error < 0) return -error;
  io_uring_sqe* const sqe = io_uring_get_sqe(trial.get());
  io_uring_prep_multishot_accept(sqe, listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  for (const unix_socket& client : clients) {
    if (::connect(client.fd, reinterpret_cast<const sockaddr*>(&at), size) != 0) return errno;
    bool more = false;
    if (const int error = take_one(*trial.get(), more)) return error;
    if (!more) return EOPNOTSUPP;
  }
  return 0;
}

}  // namespace weft_doctor

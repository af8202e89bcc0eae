#include <weft/net/listening_socket.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include <weft/net/socket_options.hpp>

namespace weft::detail {
namespace {

std::unexpected<std::error_code> failure(int error) noexcept {
  return std::unexpected(std::error_code{error, std::system_category()});
}

// Closes on the way out of a function that fails.
struct socket_guard {
  explicit socket_guard(int owned) noexcept : fd{owned} {}
  socket_guard(const socket_guard&) = delete;
  ~socket_guard() {
    if (fd >= 0) ::close(fd);
  }
  int release() noexcept { return std::exchange(fd, -1); }
  int fd;
};

result<int> bound_socket(const net::address& at, bool join) noexcept {
  socket_guard s{::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP)};
  if (s.fd < 0) return failure(errno);
  WEFT_TRY(net::set_reuse_address(s.fd, true));
  if (join) WEFT_TRY(net::set_reuse_port(s.fd, true));
  if (at.is_v6()) {  // said here, not left to net.ipv6.bindv6only
    const int v6_only = !at.is_any();
    if (::setsockopt(s.fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) != 0) return failure(errno);
  }
  if (::bind(s.fd, at.data(), at.size()) != 0) return failure(errno);
  return s.release();
}

result<int> listen_alone(const net::address& at, int backlog) noexcept {
  socket_guard s{WEFT_TRY(bound_socket(at, false))};
  if (::listen(s.fd, backlog) != 0) return failure(errno);
  return s.release();
}

}  // namespace

result<int> adopt_listening_socket(std::string_view number, bool unix_domain) noexcept {
  int fd = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), fd);
  if (error != std::errc{} || end != number.data() + number.size() || fd < 0) return failure(EBADF);

  int listens = 0, type = 0, domain = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return failure(errno);
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return failure(errno);
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return failure(errno);
  const bool wanted = unix_domain ? domain == AF_UNIX : domain == AF_INET || domain == AF_INET6;
  if (type != SOCK_STREAM || !wanted) return failure(EAFNOSUPPORT);
  if (!listens) return failure(EINVAL);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return failure(errno);
  if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) return failure(errno);
  return fd;
}

result<listening_socket> open_listening_socket(std::string_view at, int backlog) noexcept {
  // systemd, balancers and predecessors hand sockets over. Whose user and options these have is not ours to
  // know, and what waits in a socket that joined them would be lost with this process: none joins.
  if (at.starts_with("fd:")) {
    const int fd = WEFT_TRY(adopt_listening_socket(at.substr(3), false));
    int shares = 0;
    socklen_t size = sizeof shares;
    if (::getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, &size) != 0) return failure(errno);
    return listening_socket{.fd = fd, .joinable = false, .shares = shares != 0};
  }

  const net::address where = WEFT_TRY(net::address::parse(at));
  result<int> fd = listen_alone(where, backlog);
  if (!fd && where.is_v6() && where.is_any()) {
    const bool without_v6 = fd.error() == std::errc::address_family_not_supported ||
                            fd.error() == std::errc::address_not_available;
    if (without_v6) fd = listen_alone(net::address::any_v4(where.port()), backlog);
  }
  if (!fd) return std::unexpected(fd.error());
  // From here on others may join; see the header for why not before.
  const bool joinable = net::set_reuse_port(*fd, true).has_value();
  return listening_socket{.fd = *fd, .joinable = joinable};
}

result<int> join_listening_socket(const net::address& local, int backlog) noexcept {
  socket_guard s{WEFT_TRY(bound_socket(local, true))};
  if (::listen(s.fd, backlog) != 0) return failure(errno);
  return s.release();
}

}  // namespace weft::detail

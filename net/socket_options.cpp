#include <weft/net/socket_options.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>

#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {
namespace {

result<void> set(int fd, int level, int name, const void* value, std::size_t size) noexcept {
  if (::setsockopt(fd, level, name, value, static_cast<socklen_t>(size)) != 0)
    return detail::system_failure();
  return {};
}

result<void> set(int fd, int level, int name, int value) noexcept {
  return set(fd, level, name, &value, sizeof value);
}

int clamped(std::uint64_t value) noexcept {
  return static_cast<int>(std::min<std::uint64_t>(value, INT_MAX));
}

int clamped(std::chrono::seconds value) noexcept {
  return static_cast<int>(std::clamp<std::int64_t>(value.count(), INT_MIN, INT_MAX));
}

result<std::size_t> buffer_size(int fd, int name) noexcept {
  int counted = 0;
  socklen_t size = sizeof counted;
  if (::getsockopt(fd, SOL_SOCKET, name, &counted, &size) != 0) return detail::system_failure();
  return static_cast<std::size_t>(counted) / 2;  // socket(7): the kernel doubles it for its own bookkeeping
}

}  // namespace

result<void> set_no_delay(int fd, bool on) noexcept { return set(fd, IPPROTO_TCP, TCP_NODELAY, on); }

result<void> set_keepalive(int fd, std::optional<keepalive> how) noexcept {
  if (!how) return set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  // The times first: turned on last, it never runs with the kernel's two hours.
  WEFT_TRY(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, clamped(how->idle)));
  WEFT_TRY(set(fd, IPPROTO_TCP, TCP_KEEPINTVL, clamped(how->interval)));
  WEFT_TRY(set(fd, IPPROTO_TCP, TCP_KEEPCNT, how->probes));
  return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

result<void> set_linger(int fd, std::optional<std::chrono::seconds> how_long) noexcept {
  const ::linger value{.l_onoff = how_long.has_value(), .l_linger = how_long ? clamped(*how_long) : 0};
  return set(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

result<void> set_reuse_address(int fd, bool on) noexcept { return set(fd, SOL_SOCKET, SO_REUSEADDR, on); }

result<void> set_reuse_port(int fd, bool on) noexcept { return set(fd, SOL_SOCKET, SO_REUSEPORT, on); }

result<void> set_send_buffer(int fd, std::size_t bytes) noexcept {
  return set(fd, SOL_SOCKET, SO_SNDBUF, clamped(bytes));
}

result<void> set_receive_buffer(int fd, std::size_t bytes) noexcept {
  return set(fd, SOL_SOCKET, SO_RCVBUF, clamped(bytes));
}

result<std::size_t> send_buffer(int fd) noexcept { return buffer_size(fd, SO_SNDBUF); }

result<std::size_t> receive_buffer(int fd) noexcept { return buffer_size(fd, SO_RCVBUF); }

result<void> set_congestion_control(int fd, std::string_view name) noexcept {
  return set(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), name.size());
}

}  // namespace weft::net

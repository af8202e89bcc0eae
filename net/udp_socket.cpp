#include <weft/net/udp_socket.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <weft/net/resolve.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/base/system_failure.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft::net {
namespace {

// A batch in the form that the kernel takes; 8 KiB, so it lies on the thread's stack.
struct batch {
  mmsghdr messages[udp_socket::batch_max];
  iovec buffers[udp_socket::batch_max];
  sockaddr_in6 addresses[udp_socket::batch_max];
};

// Not inlined, or it would be on the stack of the fiber after all.
WEFT_NOINLINE int try_send_many(int fd, std::span<const udp_socket::outgoing> datagrams) noexcept {
  batch b;
  const std::size_t count = std::min(datagrams.size(), udp_socket::batch_max);
  std::memset(b.messages, 0, count * sizeof *b.messages);
  for (std::size_t i = 0; i < count; ++i) {
    const udp_socket::outgoing& d = datagrams[i];
    b.buffers[i] = {const_cast<std::byte*>(d.bytes.data()), d.bytes.size()};
    msghdr& header = b.messages[i].msg_hdr;
    header.msg_iov = &b.buffers[i];
    header.msg_iovlen = 1;
    if (!d.to) continue;
    header.msg_name = const_cast<sockaddr*>(d.to->data());
    header.msg_namelen = d.to->size();
  }
  const int n = ::sendmmsg(fd, b.messages, static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  return n >= 0 ? n : -errno;
}

WEFT_NOINLINE int try_recv_many(int fd, std::span<udp_socket::incoming> into) noexcept {
  batch b;
  const std::size_t count = std::min(into.size(), udp_socket::batch_max);
  std::memset(b.messages, 0, count * sizeof *b.messages);
  for (std::size_t i = 0; i < count; ++i) {
    b.buffers[i] = {into[i].into.data(), into[i].into.size()};
    msghdr& header = b.messages[i].msg_hdr;
    header.msg_iov = &b.buffers[i];
    header.msg_iovlen = 1;
    header.msg_name = &b.addresses[i];
    header.msg_namelen = sizeof b.addresses[i];
  }
  const int n = ::recvmmsg(fd, b.messages, static_cast<unsigned>(count), MSG_DONTWAIT, nullptr);
  if (n < 0) return -errno;
  for (int i = 0; i < n; ++i) {
    const msghdr& header = b.messages[i].msg_hdr;
    into[static_cast<std::size_t>(i)].got = {
        {.size = b.messages[i].msg_len, .truncated = (header.msg_flags & MSG_TRUNC) != 0},
        detail::sender_in(b.addresses[i], header.msg_namelen)};
  }
  return n;
}

}  // namespace

result<udp_socket> udp_socket::open(int family) {
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
  if (fd < 0) return detail::system_failure();
  return udp_socket{fd, family == AF_INET6};
}

result<udp_socket> udp_socket::bind(std::string_view at) {
  const address where = WEFT_TRY(address::parse(at));
  result<udp_socket> made = bind(where);
  if (made || !where.is_v6() || !where.is_any()) return made;
  const bool without_v6 = made.error() == std::errc::address_family_not_supported ||
                          made.error() == std::errc::address_not_available;
  return without_v6 ? bind(address::any_v4(where.port())) : std::move(made);
}

result<udp_socket> udp_socket::bind(const address& at, bool shared) {
  udp_socket made = WEFT_TRY(open(at.family()));
  if (shared) WEFT_TRY(set_reuse_address(made.native_handle(), true));
  if (at.is_v6()) {  // said here, not left to net.ipv6.bindv6only
    const int v6_only = !at.is_any();
    WEFT_TRY(made.set(IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only));
  }
  if (::bind(made.native_handle(), at.data(), at.size()) != 0) return detail::system_failure();
  return made;
}

result<udp_socket> udp_socket::connect(std::string_view host_port, deadline until) {
  const auto candidates = WEFT_TRY(detail::resolve_host_port(host_port, until));
  udp_socket made = WEFT_TRY(open(candidates.front().family()));
  WEFT_TRY(made.connect(candidates.front()));
  return made;
}

result<void> udp_socket::connect(const address& to) {
  if (::connect(native_handle(), to.data(), to.size()) != 0) return detail::system_failure();
  return {};
}

result<std::size_t> udp_socket::send_many(std::span<const outgoing> datagrams, deadline until) {
  std::size_t sent = 0;
  while (sent < datagrams.size()) {
    const auto attempt = [left = datagrams.subspan(sent)](int fd) noexcept {
      return on_thread_stack([&] { return try_send_many(fd, left); });
    };
    const result<std::size_t> count = descriptor_.when_ready(POLLOUT, attempt, until);
    if (!count) return sent != 0 ? result<std::size_t>{sent} : count;
    sent += *count;
  }
  return sent;
}

result<std::size_t> udp_socket::recv_many(std::span<incoming> into, deadline until) {
  if (into.empty()) return std::size_t{0};
  const auto attempt = [into](int fd) noexcept {
    return on_thread_stack([&] { return try_recv_many(fd, into); });
  };
  return descriptor_.when_ready(POLLIN, attempt, until);
}

// --- groups

result<void> udp_socket::set(int level, int name, const void* value, socklen_t size) noexcept {
  if (::setsockopt(native_handle(), level, name, value, size) != 0) return detail::system_failure();
  return {};
}

result<void> udp_socket::set_membership(int name, const address& group, unsigned interface) noexcept {
  group_req request{};
  request.gr_interface = interface != 0 ? interface : group.zone();
  std::memcpy(&request.gr_group, group.data(), group.size());
  return set(group.is_v4() ? IPPROTO_IP : IPPROTO_IPV6, name, &request, sizeof request);
}

// The kernel's default would give it what is sent to any group that anybody on this machine has joined.
result<void> udp_socket::join(const address& group, unsigned interface) {
  const int all = 0;
  if (is_v6_) WEFT_TRY(set(IPPROTO_IPV6, IPV6_MULTICAST_ALL, &all, sizeof all));
  WEFT_TRY(set(IPPROTO_IP, IP_MULTICAST_ALL, &all, sizeof all));
  return set_membership(MCAST_JOIN_GROUP, group, interface);
}

result<void> udp_socket::leave(const address& group, unsigned interface) {
  return set_membership(MCAST_LEAVE_GROUP, group, interface);
}

// A socket on [::] sends to groups of both families, so both have to be told.

result<void> udp_socket::set_multicast_interface(unsigned interface) {
  ip_mreqn v4{};
  v4.imr_ifindex = static_cast<int>(interface);
  if (is_v6_) WEFT_TRY(set(IPPROTO_IPV6, IPV6_MULTICAST_IF, &v4.imr_ifindex, sizeof v4.imr_ifindex));
  return set(IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4);
}

result<void> udp_socket::set_multicast_hops(int hops) {
  if (is_v6_) WEFT_TRY(set(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops));
  return set(IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
}

result<void> udp_socket::set_multicast_loopback(bool on) {
  const int value = on;
  if (is_v6_) WEFT_TRY(set(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &value, sizeof value));
  return set(IPPROTO_IP, IP_MULTICAST_LOOP, &value, sizeof value);
}

result<void> udp_socket::set_broadcast(bool on) {
  const int value = on;
  return set(SOL_SOCKET, SO_BROADCAST, &value, sizeof value);
}

std::string udp_socket::local_address() const {
  const auto at = address::local_of(native_handle());
  return at ? at->string() : std::string{};
}

}  // namespace weft::net

#include <weft/net/message.hpp>

#include <poll.h>

#include <cerrno>
#include <cstring>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {
namespace {

union control_room {
  cmsghdr head;
  char bytes[CMSG_SPACE(descriptors_per_message * sizeof(int))];
};

WEFT_NOINLINE outcome try_send(int fd, const outgoing_message& m) noexcept {
  iovec bytes{const_cast<std::byte*>(m.bytes.data()), m.bytes.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(m.to);
  message.msg_namelen = m.to_size;
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  control_room control;
  if (!m.descriptors.empty()) {
    std::memset(&control, 0, sizeof control);
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(m.descriptors.size_bytes());
    std::memcpy(CMSG_DATA(&control.head), m.descriptors.data(), m.descriptors.size_bytes());
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(m.descriptors.size_bytes());
  }
  const ssize_t n = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n >= 0 ? static_cast<outcome>(n) : -errno;
}

void take_descriptors(msghdr& message, incoming_message& m) noexcept {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      m.descriptors[m.descriptors_count++].reset(fd);
    }
  }
}

WEFT_NOINLINE outcome try_receive(int fd, incoming_message& m) noexcept {
  iovec into{m.into.data(), m.into.size()};
  msghdr message{};
  message.msg_name = m.from;
  message.msg_namelen = m.from != nullptr ? m.from_size : 0;
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  control_room control;
  if (!m.descriptors.empty()) {
    message.msg_control = &control;
    // CMSG_LEN: in what CMSG_SPACE rounds up to, the kernel might put one more.
    message.msg_controllen = CMSG_LEN(m.descriptors.size() * sizeof(int));
  }
  const ssize_t n = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) return -errno;
  m.from_size = message.msg_namelen;
  m.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  m.descriptors_lost = (message.msg_flags & MSG_CTRUNC) != 0;
  if (!m.descriptors.empty()) take_descriptors(message, m);
  return static_cast<outcome>(n);
}

}  // namespace

result<std::size_t> send_message(descriptor& from, const outgoing_message& m, deadline until) noexcept {
  WEFT_ASSERT(m.descriptors.size() <= descriptors_per_message, "too many descriptors for one message");
  return from.when_ready(POLLOUT, [&m](int fd) noexcept { return try_send(fd, m); }, until);
}

result<std::size_t> receive_message(descriptor& by, incoming_message& m, deadline until) noexcept {
  WEFT_ASSERT(m.descriptors.size() <= descriptors_per_message, "too many descriptors for one message");
  return by.when_ready(POLLIN, [&m](int fd) noexcept { return try_receive(fd, m); }, until);
}

}  // namespace weft::detail

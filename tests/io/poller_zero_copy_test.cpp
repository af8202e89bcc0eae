// Sending from the caller's own pages: one completion, and not before the kernel has let go of them.
#include "poller_fixture.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace weft::detail {
namespace {

// All of `into`, whatever interrupts: with MSG_WAITALL alone a system call may end early.
bool receive_all(int fd, std::span<char> into) {
  while (!into.empty()) {
    const ssize_t n = ::recv(fd, into.data(), into.size(), 0);
    if (n <= 0 && errno != EINTR) return false;
    if (n > 0) into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

struct zero_copy_send : heard {
  zero_copy_send(int fd_, std::span<const char> bytes) : heard{operation_code::send_zero_copy, fd_, bytes} {
    offset = 0;
    flags = MSG_WAITALL;
  }
};

TEST_P(Poller, a_zero_copy_send_completes_once_with_all_that_was_sent) {
  auto [near, far] = tcp_pair();
  const std::vector<char> bytes(64 << 10, 'z');
  zero_copy_send op{near, bytes};
  std::vector<char> got(bytes.size());
  heard in{operation_code::recv, far, got};
  in.flags = MSG_WAITALL;
  io->submit(in);
  EXPECT_EQ(run(op), 64 << 10);
  finish(in);
  EXPECT_EQ(in.last(), 64 << 10);
  EXPECT_EQ(got, bytes);
  EXPECT_EQ(op.results.size(), 1u);
  EXPECT_EQ(op.offset, 0) << "the loopback copies";
}

TEST_P(Poller, a_zero_copy_send_on_a_unix_socket_is_refused_or_copied) {
  auto [near, far] = socket_pair();
  zero_copy_send op{near, std::string_view{"0123456789"}};
  const int sent = run(op);
  EXPECT_EQ(sent, is_uring() ? -EOPNOTSUPP : 10);
  turn_some();
  EXPECT_EQ(op.results.size(), 1u);
}

TEST_P(Poller, a_zero_copy_send_to_who_has_gone_is_an_error) {
  auto [near, far] = tcp_pair();
  reset_on_close(far);
  far.reset();
  turn_some();
  zero_copy_send op{near, std::string_view{"0123456789"}};
  const int sent = run(op);
  EXPECT_TRUE(sent == -ECONNRESET || sent == -EPIPE) << sent;
}

TEST_P(Poller, a_zero_copy_send_that_was_cancelled_before_the_first_turn_lets_go) {
  auto [near, far] = tcp_pair();
  const std::vector<char> bytes(64 << 10, 'z');
  zero_copy_send op{near, bytes};
  io->submit(op);
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.results.size(), 1u);
  EXPECT_TRUE(op.last() == -ECANCELED || op.last() == 64 << 10) << op.last();
}

// The receiver's window is small, so most of it waits in the sender's queue, perhaps for ever.
TEST_P(Poller, a_cancel_gets_the_bytes_back_from_a_peer_that_does_not_read) {
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const int narrow = 2048;
  ASSERT_EQ(::setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof narrow), 0);
  const owned_fd near = connect_to(address), far{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  const std::vector<char> bytes(256 << 10, 'z');
  zero_copy_send op{near, bytes};
  io->submit(op);
  for (int i = 0; i < 10; ++i) io->turn(deadline{1ms});
  ASSERT_EQ(op.done, !is_uring()) << op.last();
  if (!op.done) io->cancel(op);
  finish(op);
  EXPECT_EQ(op.results, std::vector{is_uring() ? -ECANCELED : 256 << 10});
  if (!is_uring()) return;
  EXPECT_EQ(op.offset, 256 << 10) << "so many it had taken";
  // The price: the connection.
  std::vector<char> got(1 << 20);
  ssize_t n = 1;
  while (n > 0) n = ::recv(far, got.data(), got.size(), 0);
  EXPECT_EQ(n, -1);
  EXPECT_EQ(errno, ECONNRESET);
}

// As other operations: who is busy while it ends, and asks too late, loses neither its result nor the stream.
TEST_P(Poller, a_cancel_that_comes_after_the_acknowledgement_gives_nothing_up) {
  if (!is_uring()) return;  // copies at once
  sockaddr_in address;
  const owned_fd listener = listening_socket(address);
  const int narrow = 32 << 10;
  ASSERT_EQ(::setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &narrow, sizeof narrow), 0);
  const owned_fd near = connect_to(address), far{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
  const std::vector<char> bytes(256 << 10, 'z');
  zero_copy_send op{near, bytes};
  io->submit(op);
  for (int i = 0; i < 5; ++i) io->turn(deadline{1ms});
  std::vector<char> got(bytes.size());
  ASSERT_TRUE(receive_all(far, got)) << std::error_code{errno, std::system_category()}.message();
  int unacknowledged = 1;
  while (unacknowledged != 0) ASSERT_EQ(::ioctl(near, SIOCOUTQ, &unacknowledged), 0);
  ASSERT_FALSE(op.done);
  io->cancel(op);
  finish(op);
  EXPECT_EQ(op.results, std::vector{256 << 10});
  EXPECT_EQ(::send(near, "and on", 6, MSG_NOSIGNAL), 6);
}

}  // namespace
}  // namespace weft::detail

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <weft/net/accept_recovery.hpp>
#include <weft/net/listening_socket.hpp>

using namespace weft;
using namespace std::chrono_literals;
using detail::accept_recovery;

TEST(AcceptRecovery, what_concerns_one_connection_is_no_reason_to_wait) {
  accept_recovery recovery;
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EINTR})
    EXPECT_EQ(recovery.after(error, -1, 1), 0ns) << error;
}

TEST(AcceptRecovery, waits_twice_as_long_each_time_up_to_a_second) {
  accept_recovery recovery;
  auto expected = 5ms;
  for (unsigned failures = 1; failures < 50; ++failures, expected = std::min(expected * 2, 1000ms))
    EXPECT_EQ(recovery.after(ENOMEM, -1, failures), expected) << failures;
  EXPECT_EQ(recovery.after(ENOBUFS, -1, ~0u), 1s);
}

TEST(AcceptRecovery, does_not_spin_on_what_it_has_never_heard_of_or_what_does_not_end) {
  accept_recovery recovery;
  EXPECT_GT(recovery.after(EINVAL, -1, 1), 0ns);
  EXPECT_GT(recovery.after(ECONNABORTED, -1, 1000), 0ns);
}

TEST(AcceptRecovery, turns_one_client_away_for_want_of_a_descriptor) {
  const auto listener = detail::open_listening_socket("127.0.0.1:0", 16);
  ASSERT_TRUE(listener);
  const auto at = *net::address::local_of(listener->fd);
  accept_recovery recovery;
  int clients[2];
  for (int& c : clients) {
    c = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(c, at.data(), at.size()), 0);
  }
  char byte;
  EXPECT_EQ(recovery.after(ENOMEM, listener->fd, 1), 5ms);
  EXPECT_EQ(::recv(clients[0], &byte, 1, MSG_DONTWAIT), -1);  // only memory is short: it may yet be served
  EXPECT_EQ(recovery.after(EMFILE, listener->fd, 1), 5ms);
  EXPECT_EQ(::recv(clients[0], &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_EQ(::recv(clients[1], &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(recovery.after(ENFILE, listener->fd, 2), 10ms);
  EXPECT_EQ(::recv(clients[1], &byte, 1, MSG_DONTWAIT), 0);
  for (const int c : clients) ::close(c);
  ::close(listener->fd);
}

// The one in reserve counts as open; it is back after use, and closed in the end.
TEST(AcceptRecovery, keeps_one_descriptor_as_long_as_it_lives) {
  const auto next = [] {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return fd;
  };
  const int before = next();
  {
    accept_recovery recovery;
    EXPECT_NE(next(), before);
    recovery.after(EMFILE, -1, 1);
    EXPECT_NE(next(), before);
  }
  EXPECT_EQ(next(), before);
}

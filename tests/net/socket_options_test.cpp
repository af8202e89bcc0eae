#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/net/socket_options.hpp>

using namespace std::chrono_literals;
namespace net = weft::net;

namespace {

class SocketOptions : public testing::Test {
 protected:
  ~SocketOptions() override { ::close(fd); }

  int get(int level, int name) const {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
    return value;
  }

  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

}  // namespace

TEST_F(SocketOptions, switches_turn_on_and_off) {
  for (const bool on : {true, false}) {
    ASSERT_TRUE(net::set_no_delay(fd, on));
    EXPECT_EQ(get(IPPROTO_TCP, TCP_NODELAY), on);
    ASSERT_TRUE(net::set_reuse_address(fd, on));
    EXPECT_EQ(get(SOL_SOCKET, SO_REUSEADDR), on);
    ASSERT_TRUE(net::set_reuse_port(fd, on));
    EXPECT_EQ(get(SOL_SOCKET, SO_REUSEPORT), on);
  }
}

TEST_F(SocketOptions, keepalive_sets_its_times_and_turns_off) {
  ASSERT_TRUE(net::set_keepalive(fd, net::keepalive{.idle = 30s, .interval = 5s, .probes = 3}));
  EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPIDLE), 30);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPINTVL), 5);
  EXPECT_EQ(get(IPPROTO_TCP, TCP_KEEPCNT), 3);
  ASSERT_TRUE(net::set_keepalive(fd, std::nullopt));
  EXPECT_EQ(get(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(net::set_keepalive(fd, net::keepalive{.idle = 0s}).error(), std::errc::invalid_argument);
}

TEST_F(SocketOptions, linger_is_off_or_a_time) {
  linger value{};
  socklen_t size = sizeof value;
  ASSERT_TRUE(net::set_linger(fd, 0s));
  ASSERT_EQ(::getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size), 0);
  EXPECT_EQ(value.l_onoff, 1);
  EXPECT_EQ(value.l_linger, 0);
  ASSERT_TRUE(net::set_linger(fd, std::nullopt));
  ASSERT_EQ(::getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size), 0);
  EXPECT_EQ(value.l_onoff, 0);
}

TEST_F(SocketOptions, buffers_hold_what_was_asked) {
  ASSERT_TRUE(net::set_send_buffer(fd, 32768));
  ASSERT_TRUE(net::set_receive_buffer(fd, 65536));
  EXPECT_EQ(*net::send_buffer(fd), 32768u);
  EXPECT_EQ(*net::receive_buffer(fd), 65536u);
}

TEST_F(SocketOptions, congestion_control_goes_by_name) {
  char name[16] = {};
  socklen_t size = sizeof name;
  ASSERT_TRUE(net::set_congestion_control(fd, "reno"));  // always built in
  ASSERT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
  EXPECT_STREQ(name, "reno");
  EXPECT_EQ(net::set_congestion_control(fd, "no-such-one").error(), std::errc::no_such_file_or_directory);
}

TEST_F(SocketOptions, a_bad_descriptor_is_an_error) {
  EXPECT_EQ(net::set_no_delay(-1, true).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(net::send_buffer(-1).error(), std::errc::bad_file_descriptor);
}

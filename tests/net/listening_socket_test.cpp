#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include <weft/net/listening_socket.hpp>
#include <weft/net/socket_options.hpp>

using namespace weft;
using detail::join_listening_socket;
using detail::listening_socket;
using detail::open_listening_socket;

namespace {

struct descriptor {
  explicit descriptor(int owned) : fd{owned} {}
  descriptor(descriptor&& other) noexcept : fd{std::exchange(other.fd, -1)} {}
  ~descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

int connected_to(const net::address& at) {
  const int s = ::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(s, at.data(), at.size()) == 0) return s;
  const int error = errno;
  ::close(s);
  return -error;
}

// The exit status of a child that runs f.
template <class F>
int in_another_process(F f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST(ListeningSocket, port_zero_picks_one_and_the_others_join_it) {
  const auto first = open_listening_socket("127.0.0.1:0", 128);
  ASSERT_TRUE(first) << first.error().message();
  const descriptor owned{first->fd};
  EXPECT_TRUE(first->joinable);
  const auto local = net::address::local_of(first->fd);
  ASSERT_TRUE(local);
  EXPECT_NE(local->port(), 0);
  for (int i = 0; i < 3; ++i) {
    const auto joined = join_listening_socket(*local, 128);
    ASSERT_TRUE(joined) << joined.error().message();
    const descriptor also_owned{*joined};
    EXPECT_EQ(*net::address::local_of(*joined), *local);
  }
}

// The kernel spreads connections over all that joined, so that every worker gets its share.
TEST(ListeningSocket, connections_are_spread_over_all) {
  const auto first = open_listening_socket("127.0.0.1:0", 512);
  ASSERT_TRUE(first);
  const auto local = *net::address::local_of(first->fd);
  std::vector<descriptor> listeners;
  listeners.emplace_back(first->fd);
  for (int i = 0; i < 3; ++i) listeners.emplace_back(*join_listening_socket(local, 512));
  std::vector<descriptor> clients;
  for (int i = 0; i < 400; ++i) clients.emplace_back(connected_to(local));
  int total = 0;
  for (const descriptor& listener : listeners) {
    int accepted = 0;
    while (true) {
      const descriptor peer{::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC)};
      if (peer.fd < 0) break;
      ++accepted;
    }
    EXPECT_GT(accepted, 40);  // of 100 expected: ten standard deviations off would be 13
    total += accepted;
  }
  EXPECT_EQ(total, 400);
}

TEST(ListeningSocket, port_in_use_is_refused_even_though_workers_share_it) {
  const auto first = open_listening_socket("127.0.0.1:0", 128);
  ASSERT_TRUE(first);
  const auto local = *net::address::local_of(first->fd);
  const descriptor owned{first->fd}, joined{*join_listening_socket(local, 128)};
  EXPECT_EQ(open_listening_socket(local.string(), 128).error(), std::errc::address_in_use);
  EXPECT_EQ(in_another_process([&] {
              const auto second = open_listening_socket(local.string(), 128);
              return second ? 100 : second.error().value();
            }),
            EADDRINUSE);
}

// Set between bind and listen, SO_REUSEPORT would let both of two racing processes in. The race, step by
// step: both have bound.
TEST(ListeningSocket, of_two_that_race_for_a_port_one_fails) {
  const int rival = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const descriptor owned_rival{rival};
  ASSERT_TRUE(net::set_reuse_address(rival, true));
  const auto any_port = net::address::loopback_v4(0);
  ASSERT_EQ(::bind(rival, any_port.data(), any_port.size()), 0);
  const auto local = *net::address::local_of(rival);

  const auto first = open_listening_socket(local.string(), 128);
  ASSERT_TRUE(first) << first.error().message();
  const descriptor owned{first->fd};
  EXPECT_EQ(::listen(rival, 128), -1);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST(ListeningSocket, a_port_in_time_wait_can_be_had_at_once) {
  auto first = open_listening_socket("127.0.0.1:0", 128);
  ASSERT_TRUE(first);
  const auto local = *net::address::local_of(first->fd);
  const int client = connected_to(local);
  ASSERT_GE(client, 0);
  const int server = ::accept4(first->fd, nullptr, nullptr, 0);
  ::close(server);  // closes first: its end of the connection goes to TIME_WAIT
  char byte;
  EXPECT_EQ(::read(client, &byte, 1), 0);
  ::close(client);
  ::close(first->fd);
  const auto second = open_listening_socket(local.string(), 128);
  ASSERT_TRUE(second) << second.error().message();
  ::close(second->fd);
}

TEST(ListeningSocket, any_takes_both_families) {
  for (const char* at : {"[::]:0", ":0"}) {
    const auto first = open_listening_socket(at, 128);
    ASSERT_TRUE(first);
    const descriptor owned{first->fd};
    const auto port = net::address::local_of(first->fd)->port();
    const descriptor v4{connected_to(net::address::loopback_v4(port))},
        v6{connected_to(net::address::loopback_v6(port))};
    EXPECT_GE(v4.fd, 0);
    EXPECT_GE(v6.fd, 0);
  }
}

TEST(ListeningSocket, gives_the_error_of_the_kernel) {
  EXPECT_EQ(open_listening_socket("192.0.2.254:0", 128).error(), std::errc::address_not_available);
  EXPECT_EQ(open_listening_socket("127.0.0.1", 128).error(), net::address_error::no_port);
  EXPECT_EQ(open_listening_socket("nonsense:80", 128).error(), net::address_error::bad_host);
}

TEST(ListeningSocket, a_privileged_port_is_permission_denied) {
  EXPECT_EQ(in_another_process([] {
              if (::geteuid() == 0 && ::setuid(65534) != 0) return 101;
              const auto s = open_listening_socket("127.0.0.1:81", 128);
              return s ? 100 : s.error().value();
            }),
            EACCES);
}

TEST(ListeningSocket, adopts_an_inherited_one) {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto at = net::address::loopback_v4(0);
  ASSERT_EQ(::bind(made, at.data(), at.size()), 0);
  const std::string name = "fd:" + std::to_string(made);
  EXPECT_EQ(open_listening_socket(name, 128).error(),
            std::errc::invalid_argument);  // bound, but does not listen
  ASSERT_EQ(::listen(made, 16), 0);
  const auto adopted = open_listening_socket(name, 128);
  ASSERT_TRUE(adopted) << adopted.error().message();
  const descriptor owned{adopted->fd};
  EXPECT_EQ(adopted->fd, made);
  EXPECT_FALSE(adopted->joinable);
  EXPECT_NE(::fcntl(made, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(made, F_GETFL) & O_NONBLOCK, 0);
}

TEST(ListeningSocket, adopts_nothing_else) {
  EXPECT_EQ(open_listening_socket("fd:", 128).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(open_listening_socket("fd:-1", 128).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(open_listening_socket("fd:3x", 128).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(open_listening_socket("fd:99999", 128).error(), std::errc::bad_file_descriptor);
  const descriptor file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(open_listening_socket("fd:" + std::to_string(file.fd), 128).error(), std::errc::not_a_socket);
  const descriptor local{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  EXPECT_EQ(open_listening_socket("fd:" + std::to_string(local.fd), 128).error(),
            std::errc::address_family_not_supported);
}

TEST(ListeningSocket, failures_leave_no_descriptor_behind) {
  const auto next = [] {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return fd;
  };
  const auto first = open_listening_socket("127.0.0.1:0", 128);
  ASSERT_TRUE(first);
  const descriptor owned{first->fd};
  const std::string local = net::address::local_of(first->fd)->string();
  const int before = next();
  for (int i = 0; i < 10; ++i) (void)open_listening_socket(local, 128);
  for (int i = 0; i < 10; ++i) (void)open_listening_socket("192.0.2.254:0", 128);
  EXPECT_EQ(next(), before);
}

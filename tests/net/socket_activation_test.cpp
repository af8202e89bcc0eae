// Sockets that a process was started with. Each case is a process of its own, for the descriptors have fixed
// numbers.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include <weft/net/address.hpp>
#include <weft/net/socket_activation.hpp>

using namespace weft;

namespace {

// The exit status of a child in which descriptors 3 and 4 listen, at IPv4 and at a unix socket. 0 is success.
template <class F>
int in_a_child(F f) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int tcp = ::socket(AF_INET, SOCK_STREAM, 0), local = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto at = net::address::loopback_v4(0);
    const sockaddr_un nowhere{.sun_family = AF_UNIX, .sun_path = {}};
    const bool bound = ::bind(tcp, at.data(), at.size()) == 0 &&
                       ::bind(local, reinterpret_cast<const sockaddr*>(&nowhere), sizeof(sa_family_t)) == 0;
    if (!bound || ::listen(tcp, 16) != 0 || ::listen(local, 16) != 0) ::_exit(100);
    const int high = ::fcntl(local, F_DUPFD, 20);
    if (::dup2(tcp, 3) != 3 || ::dup2(high, 4) != 4) ::_exit(101);
    ::close(5);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "2", 1);
    ::unsetenv("LISTEN_FDNAMES");
    ::unsetenv("WEFT_READY_FD");
    ::_exit(f());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

bool variables_are_gone() {
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WEFT_READY_FD"})
    if (::getenv(name) != nullptr) return false;
  return true;
}

// 0: nothing was given, and nothing is wrong.
int gives_nothing() {
  const auto given = net::activated_sockets();
  if (!given) return 1;
  if (!given->sockets.empty() || given->is_successor()) return 2;
  return variables_are_gone() ? 0 : 3;
}

int fails_with(net::activation_error expected) {
  const auto given = net::activated_sockets();
  if (given) return 1;
  if (given.error() != expected) return 2;
  if (given.error() != std::errc::invalid_argument) return 3;
  return variables_are_gone() ? 0 : 4;
}

}  // namespace

TEST(SocketActivation, gives_the_sockets_and_forgets_the_variables) {
  EXPECT_EQ(in_a_child([] {
              const auto given = net::activated_sockets();
              if (!given || given->sockets.size() != 2 || given->is_successor()) return 1;
              for (int i = 0; i < 2; ++i) {
                const net::activated_socket& one = given->sockets[static_cast<std::size_t>(i)];
                if (one.socket.get() != 3 + i || !one.name.empty() || !is_close_on_exec(3 + i)) return 2;
              }
              if (!variables_are_gone()) return 3;
              return gives_nothing();  // the second time
            }),
            0);
}

TEST(SocketActivation, gives_their_names) {
  EXPECT_EQ(in_a_child([] {
              ::setenv("LISTEN_FDNAMES", "web:admin.socket", 1);
              const auto given = net::activated_sockets();
              if (!given || given->sockets.size() != 2) return 1;
              return given->sockets[0].name == "web" && given->sockets[1].name == "admin.socket" ? 0 : 2;
            }),
            0);
}

TEST(SocketActivation, what_is_for_another_process_is_not_given) {
  EXPECT_EQ(in_a_child([] {
              ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
              ::setenv("LISTEN_FDS", "nonsense, but not ours", 1);
              return gives_nothing();
            }),
            0);
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS"})
    EXPECT_EQ(in_a_child([name] {
                ::unsetenv(name);
                return gives_nothing();
              }),
              0)
        << name;
  EXPECT_EQ(in_a_child([] {
              ::setenv("LISTEN_FDS", "0", 1);
              return gives_nothing();
            }),
            0);
}

TEST(SocketActivation, says_what_is_wrong) {
  using enum net::activation_error;
  struct {
    const char *name, *value;
    net::activation_error error;
  } constexpr cases[] = {{"LISTEN_FDS", "", bad_count},        {"LISTEN_FDS", "-1", bad_count},
                         {"LISTEN_FDS", "2x", bad_count},      {"LISTEN_FDS", "99999999999", bad_count},
                         {"LISTEN_PID", "me", bad_pid},        {"LISTEN_PID", "0", bad_pid},
                         {"LISTEN_FDNAMES", "one", bad_names}, {"LISTEN_FDNAMES", "a:b:c", bad_names},
                         {"LISTEN_FDS", "3", not_open},        {"LISTEN_FDS", "2147483647", not_open}};
  for (const auto& c : cases)
    EXPECT_EQ(in_a_child([&c] {
                ::setenv(c.name, c.value, 1);
                return fails_with(c.error);
              }),
              0)
        << c.name << '=' << c.value;
}

TEST(SocketActivation, takes_only_what_listens) {
  const auto at_4 = [](int fd) {
    const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, 30);  // where the child overwrites none
    ::close(fd);
    const int status = in_a_child([high] {
      ::dup2(high, 4);
      return fails_with(net::activation_error::not_listening);
    });
    ::close(high);
    return status;
  };
  EXPECT_EQ(at_4(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), 0);
  EXPECT_EQ(at_4(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), 0);
  EXPECT_EQ(at_4(::open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
  const int packets = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const sockaddr_un nowhere{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_EQ(::bind(packets, reinterpret_cast<const sockaddr*>(&nowhere), sizeof(sa_family_t)), 0);
  ASSERT_EQ(::listen(packets, 1), 0);
  EXPECT_EQ(at_4(packets), 0);
}

TEST(SocketActivation, tells_the_predecessor_once) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  for (int& end : ends) {
    const int low = std::exchange(end, ::fcntl(end, F_DUPFD_CLOEXEC, 30));  // where the child overwrites none
    ::close(low);
  }
  EXPECT_EQ(in_a_child([&ends] {
              if (::dup2(ends[1], 5) != 5) return 1;
              ::setenv("WEFT_READY_FD", "5", 1);
              auto given = net::activated_sockets();
              if (!given || !given->is_successor() || !is_close_on_exec(5)) return 2;
              if (!given->report_ready() || given->is_successor()) return 3;
              return given->report_ready() ? 0 : 4;
            }),
            0);
  ::close(ends[1]);
  char said[2];
  EXPECT_EQ(::read(ends[0], said, sizeof said), 1);
  ::close(ends[0]);
  EXPECT_EQ(in_a_child([] {  // who would listen has gone
              int gone[2];
              if (::pipe2(gone, O_CLOEXEC) != 0) return 1;
              ::close(gone[0]);
              ::setenv("WEFT_READY_FD", std::to_string(gone[1]).c_str(), 1);
              auto given = net::activated_sockets();
              const auto told = given->report_ready();
              return !told && told.error() == std::errc::broken_pipe ? 0 : 2;
            }),
            0);
}

// Starting the program that takes this one's place. What it is to a server, tests/tools/restart_test.py
// shows.
#include "net_fixture.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include <weft/net/successor.hpp>
#include <weft/runtime/spawn.hpp>

using namespace weft::testing;

namespace {

namespace io = weft::io;
namespace net = weft::net;
using weft::errc;

// A shell as the successor, with one socket; it is descriptor 3, and the pipe 4.
weft::result<net::successor> start(const std::string& script, weft::deadline until = 20s) {
  std::vector<io::owned_descriptor> sockets;
  sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return net::start_successor({"sh", "-c", script}, sockets, until);
}

class Successor : public NetTest {};

}  // namespace

TEST_F(Successor, is_ready_when_it_says_so) {
  on_fiber([] {
    const auto next = start(R"(echo >&"$WEFT_READY_FD")");
    ASSERT_TRUE(next) << next.error().message();
    EXPECT_FALSE(next->ended);
    EXPECT_EQ(::waitpid(next->pid, nullptr, 0), next->pid);
  });
}

TEST_F(Successor, is_given_the_variables_and_nothing_else) {
  ::setenv("LISTEN_FDNAMES", "of an earlier one", 1);
  ::setenv("LISTEN_FDS", "9", 1);
  on_fiber([] {
    const auto next = start(R"(
      test "$LISTEN_PID" = $$ || exit 10
      test "$LISTEN_FDS" = 1 || exit 11
      test -z "$LISTEN_FDNAMES" || exit 12
      test "$WEFT_READY_FD" = 4 || exit 13
      test -S /proc/self/fd/3 || exit 14
      test -p /proc/self/fd/4 || exit 15
      grep -q "SigBlk:.0*$" /proc/self/status || exit 17
      exit 0)");
    ASSERT_TRUE(next) << next.error().message();
    ASSERT_TRUE(next->ended);
    EXPECT_EQ(next->ended->code, 0);
    EXPECT_EQ(next->ended->signal, 0);
  });
  ::unsetenv("LISTEN_FDNAMES");
  ::unsetenv("LISTEN_FDS");
}

TEST_F(Successor, that_ends_before_it_is_ready_is_told_of) {
  on_fiber([] {
    const auto failed = start("exit 3");
    ASSERT_TRUE(failed && failed->ended);
    EXPECT_EQ(failed->ended->code, 3);
    const auto killed = start("kill -TERM $$");
    ASSERT_TRUE(killed && killed->ended);
    EXPECT_EQ(killed->ended->signal, SIGTERM);
  });
}

TEST_F(Successor, that_does_not_exist_is_an_error) {
  on_fiber([] {
    EXPECT_EQ(failure(net::start_successor({"/nowhere/at all"}, {}, 20s)),
              std::errc::no_such_file_or_directory);
    EXPECT_EQ(failure(net::start_successor({"/"}, {}, 20s)), std::errc::permission_denied);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left behind";
  });
}

TEST_F(Successor, that_is_not_ready_in_time_is_killed) {
  on_fiber([] {
    EXPECT_EQ(failure(start("exec sleep 1000", 50ms)), errc::deadline_exceeded);
    auto starting = weft::spawn([] { return start("exec sleep 1000"); });
    EXPECT_TRUE(weft::this_fiber::sleep_for(20ms));  // real time: it runs by then, most likely
    starting.request_stop();
    EXPECT_EQ(failure(starting.join()), errc::canceled);
    errno = 0;
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left behind";
    EXPECT_EQ(errno, ECHILD);
  });
}

TEST_F(Successor, needs_descriptors) {
  on_fiber([] {
    std::vector<io::owned_descriptor> none;
    none.emplace_back();
    EXPECT_EQ(failure(net::start_successor({"true"}, none, 20s)), std::errc::bad_file_descriptor);
  });
}

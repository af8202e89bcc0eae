// What a runtime tells of its fibers by itself: on SIGQUIT, and when it is stopped.
#include <csignal>
#include <string>
#include <string_view>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using weft_test::reports;

class FiberReports : public weft_test::leak_check {
 protected:
  FiberReports() { reports::clear(); }
};

options told(bool leaks) {
  options o;
  o.workers = 2;
  o.asleep_report = false;
  o.leak_report = leaks;
  o.error_sink = reports::sink;
  return o;
}

// --- the leak report

void leave_two_behind(const options& o) {
  run(
      [] {
        latch arrived{2};
        for (int i = 0; i < 2; ++i)
          go(
              [&arrived] {
                event never;
                arrived.count_down();
                (void)never.wait();
              },
              {.name = "left behind"});
        arrived.wait();
      },
      o);
}

TEST_F(FiberReports, fibers_that_are_left_when_a_runtime_is_stopped_are_named) {
  leave_two_behind(told(true));
  const auto all = reports::take();
  ASSERT_EQ(reports::with(all, "2 fibers were left when the runtime was stopped"), 1u);
  EXPECT_EQ(reports::with(all, "\"left behind\" (spawned at"), 1u);
  EXPECT_EQ(reports::with(all, "reports_test.cpp"), 1u);
  EXPECT_EQ(reports::with(all, "an event"), 1u);
}

TEST_F(FiberReports, only_if_that_is_wanted) {
  leave_two_behind(told(false));
  EXPECT_TRUE(reports::take().empty());
}

TEST_F(FiberReports, nothing_is_said_where_nothing_is_left) {
  run([] { spawn([] {}).join(); }, told(true));
  EXPECT_TRUE(reports::take().empty());
}

// Who has asked them to stop knows of them.
TEST_F(FiberReports, fibers_that_were_asked_to_stop_before_are_not_left) {
  runtime rt{told(true)};
  latch arrived{1};
  rt.go([&] {
    const cancellation_shield shield;
    event never;
    arrived.count_down();
    (void)never.wait(std::chrono::milliseconds{1});  // real time: the runtime waits for its end
  });
  arrived.wait();
  rt.request_stop();
  EXPECT_TRUE(rt.stop());
  EXPECT_TRUE(reports::take().empty());
}

// --- SIGQUIT

// A program with that option; it ends when SIGTERM comes.
void dump_until_terminated() {
  options o = told(false);
  o.dump_on_sigquit = true;
  run(
      [] {
        event end;
        go([&] { (void)end.wait(); }, {.name = "waits for the end"});
        (void)!::write(STDERR_FILENO, "ready\n", 6);
        (void)signals::wait({SIGTERM});
        end.set();
      },
      o);
}

std::size_t times_in(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// What it writes to stderr when SIGQUIT comes again and again, until its main fiber was seen to wait `times`
// times.
std::string dumped(std::size_t times) {
  int out[2];
  EXPECT_EQ(::pipe(out), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDERR_FILENO);
    ::close(out[0]);
    ::close(out[1]);
    dump_until_terminated();
    ::_exit(0);
  }
  ::close(out[1]);
  std::string text;
  pollfd comes{.fd = out[0], .events = POLLIN, .revents = 0};
  while (times_in(text, "signals::wait(") < times) {
    if (!text.empty()) ::kill(child, SIGQUIT);
    if (::poll(&comes, 1, 100) == 0)
      continue;  // real time: no dump may come, of a signal that came too early
    char some[4096];
    const ssize_t n = ::read(out[0], some, sizeof some);
    if (n <= 0) break;
    text.append(some, static_cast<std::size_t>(n));
  }
  ::kill(child, SIGTERM);
  int status = 0;
  while (::poll(&comes, 1, -1) > 0) {
    char rest[4096];
    if (::read(out[0], rest, sizeof rest) <= 0) break;
  }
  ::waitpid(child, &status, 0);
  ::close(out[0]);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "it did not go on:\n" + text;
}

TEST_F(FiberReports, sigquit_prints_all_fibers_and_the_process_goes_on) {
  const std::string text = dumped(3);
  EXPECT_EQ(text.rfind("ready\nweft: 2 fibers on 2 workers", 0), 0u) << text;
  EXPECT_NE(text.find("\"waits for the end\""), std::string::npos) << text;
  EXPECT_NE(text.find("waits for an event"), std::string::npos) << text;
}

}  // namespace
}  // namespace weft

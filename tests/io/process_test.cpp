#include <gtest/gtest.h>

#include <linux/close_range.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "leak_check.hpp"

#include <weft/io/process.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/this_fiber.hpp>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using weft::errc;
using weft::result;
namespace process = weft::process;

namespace {

class Process : public weft_test::leak_check {
 protected:
  // Over each backend.
  template <class F>
  void on_fiber(F f) {
    for (const char* backend : {"uring", "epoll"}) {
      SCOPED_TRACE(backend);
      ::setenv("WEFT_BACKEND", backend, 1);
      weft::run([&] { f(); }, weft::options{.workers = 2});
    }
    ::unsetenv("WEFT_BACKEND");
  }
};

template <class T>
std::error_code failure(const result<T>& of) {
  return of ? std::error_code{} : of.error();
}

process::command shell(std::string script) { return {.arguments = {"sh", "-c", std::move(script)}}; }

result<std::string> read_all(process::pipe_end& from) {
  std::string all;
  std::array<char, 4096> buffer;
  while (const std::size_t n = WEFT_TRY(from.read(std::as_writable_bytes(std::span{buffer}), 20s)))
    all.append(buffer.data(), n);
  return all;
}

// What a shell script writes.
std::string output_of(process::command c) {
  c.output = process::standard::pipe;
  auto child = process::spawn(c, 20s);
  EXPECT_TRUE(child) << child.error().message();
  if (!child) return {};
  const auto text = read_all(child->output());
  EXPECT_TRUE(child->wait(20s)->success());
  return text.value_or("failed");
}

}  // namespace

TEST_F(Process, tells_how_it_ended) {
  on_fiber([] {
    for (const int code : {0, 1, 255}) {
      auto child = process::spawn(shell("exit " + std::to_string(code)));
      ASSERT_TRUE(child) << child.error().message();
      EXPECT_GT(child->pid(), 0);
      for (int twice = 0; twice < 2; ++twice) {
        const auto ended = child->wait(20s);
        ASSERT_TRUE(ended) << ended.error().message();
        EXPECT_EQ(ended->code, code);
        EXPECT_EQ(ended->signal, 0);
        EXPECT_EQ(ended->success(), code == 0);
      }
      EXPECT_EQ(child->pid(), 0);
      EXPECT_EQ(failure(child->kill()), std::errc::no_such_process);
    }
    auto killed = process::spawn(shell("kill -USR1 $$"));
    EXPECT_EQ(killed->wait(20s)->signal, SIGUSR1);
    EXPECT_FALSE(killed->wait()->success());
  });
}

TEST_F(Process, pipes_carry_what_goes_in_and_what_comes_out) {
  on_fiber([] {
    auto child = process::spawn({.arguments = {"cat"},
                                 .input = process::standard::pipe,
                                 .output = process::standard::pipe,
                                 .error = process::standard::null});
    ASSERT_TRUE(child) << child.error().message();
    const std::string sent(300'000, 'x');  // more than the pipes hold
    auto writer = weft::spawn([&]() -> result<void> {
      WEFT_TRY(child->input().write_all(sent, 20s));
      child->input().close();
      return {};
    });
    EXPECT_EQ(read_all(child->output()), sent);
    EXPECT_TRUE(writer.join());
    EXPECT_TRUE(child->wait(20s)->success());
    std::array<std::byte, 1> one;
    EXPECT_EQ(failure(child->error().read(one, 1s)), errc::closed);  // not asked for
  });
}

TEST_F(Process, output_and_error_are_apart) {
  on_fiber([] {
    auto c = shell("echo out; echo err >&2");
    c.output = c.error = process::standard::pipe;
    auto child = process::spawn(c);
    ASSERT_TRUE(child);
    EXPECT_EQ(read_all(child->output()), "out\n");
    EXPECT_EQ(read_all(child->error()), "err\n");
    EXPECT_TRUE(child->wait(20s)->success());
  });
}

TEST_F(Process, has_the_environment_the_directory_and_the_input_it_was_given) {
  on_fiber([] {
    auto c = shell("pwd; echo \"$A-$HOME-\"; cat");
    c.directory = "/";
    c.environment = {"A=b c"};
    c.input = process::standard::null;
    EXPECT_EQ(output_of(c), "/\nb c--\n");
  });
}

// weft's own threads block every signal; a shell could not be interrupted.
TEST_F(Process, begins_with_no_signal_blocked_and_none_of_our_descriptors) {
  ASSERT_EQ(::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0);  // what whoever runs this test has left open
  on_fiber([] {
    EXPECT_EQ(output_of({.arguments = {"grep", "SigBlk", "/proc/self/status"}}),
              "SigBlk:\t0000000000000000\n");
    // The fourth is that of the folder which ls reads.
    auto c = shell("ls /proc/self/fd | wc -l");
    c.input = c.error = process::standard::pipe;
    EXPECT_EQ(output_of(c), "4\n");
  });
}

TEST_F(Process, what_cannot_be_started_says_why) {
  on_fiber([] {
    EXPECT_EQ(failure(process::spawn({.arguments = {"no-such-program-anywhere"}})),
              std::errc::no_such_file_or_directory);
    EXPECT_EQ(failure(process::spawn({.arguments = {"/proc/self/status"}})), std::errc::permission_denied);
    auto c = shell("true");
    c.directory = "/no/such/folder";
    c.input = c.output = process::standard::pipe;
    EXPECT_EQ(failure(process::spawn(c)), std::errc::no_such_file_or_directory);
    EXPECT_EQ(failure(process::spawn(shell("true"), 0ms)), errc::deadline_exceeded);
  });
}

TEST_F(Process, wait_ends_at_its_deadline_and_when_stopped_and_the_child_runs_on) {
  on_fiber([] {
    auto child = process::spawn({.arguments = {"sleep", "60"}});
    ASSERT_TRUE(child);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(failure(child->wait(30ms)), errc::deadline_exceeded);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
    auto stopped = weft::spawn([&] { return child->wait(); });
    weft::this_fiber::yield();
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
    EXPECT_EQ(::kill(child->pid(), 0), 0);
    ASSERT_TRUE(child->kill());
    EXPECT_EQ(child->wait(20s)->signal, SIGKILL);
  });
}

TEST_F(Process, stop_asks_first_and_kills_who_does_not_listen) {
  on_fiber([] {
    auto polite = process::spawn({.arguments = {"sleep", "60"}});
    EXPECT_EQ(polite->stop(20s)->signal, SIGTERM);
    auto c = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    c.output = process::standard::pipe;
    auto deaf = process::spawn(c);
    std::array<std::byte, 6> ready;
    ASSERT_TRUE(deaf->output().read_exactly(ready, 20s));
    EXPECT_EQ(deaf->stop(30ms)->signal, SIGKILL);
    EXPECT_EQ(deaf->stop(30ms)->signal, SIGKILL);  // once more
  });
}

TEST_F(Process, who_goes_out_of_scope_is_killed_and_leaves_no_zombie) {
  on_fiber([] {
    pid_t was = 0;
    auto stopped = weft::spawn([&]() -> result<void> {
      auto child = WEFT_TRY(process::spawn({.arguments = {"sleep", "60"}}));
      was = child.pid();
      WEFT_TRY(child.wait());
      return {};
    });
    while (was == 0) weft::this_fiber::sleep_for(1ms);
    stopped.request_stop();
    EXPECT_EQ(failure(stopped.join()), errc::canceled);
    EXPECT_EQ(::kill(was, 0), -1);
    EXPECT_EQ(errno, ESRCH);

    auto a = *process::spawn({.arguments = {"sleep", "60"}});
    const pid_t first = a.pid();
    a = *process::spawn(shell("exit 3"));
    EXPECT_EQ(::kill(first, 0), -1);
    EXPECT_EQ(a.wait(20s)->code, 3);
  });
}

TEST_F(Process, writing_to_one_that_has_ended_is_an_error_never_sigpipe) {
  on_fiber([] {
    auto c = shell("exec 0<&-; exit 0");
    c.input = process::standard::pipe;
    auto child = process::spawn(c);
    ASSERT_TRUE(child->wait(20s));
    EXPECT_EQ(failure(child->input().write_all("x"sv, 5s)), std::errc::broken_pipe);
  });
}

TEST_F(Process, close_ends_a_read_of_its_output) {
  on_fiber([] {
    auto child = process::spawn({.arguments = {"sleep", "60"}, .output = process::standard::pipe});
    std::array<std::byte, 1> one;
    auto reader = weft::spawn([&] { return child->output().read(one); });
    weft::this_fiber::yield();
    child->output().close();
    EXPECT_EQ(failure(reader.join()), errc::closed);
  });
}

TEST_F(Process, works_from_foreign_threads) {
  auto c = shell("cat; exit 5");
  c.input = c.output = process::standard::pipe;
  auto child = process::spawn(c, 20s);
  ASSERT_TRUE(child) << child.error().message();
  ASSERT_TRUE(child->input().write_all("hello"sv, 5s));
  child->input().close();
  EXPECT_EQ(read_all(child->output()), "hello");
  EXPECT_EQ(child->wait(20s)->code, 5);
}

// The signal mask is set once per worker and never again: under a filter that kills the process for that
// system call, a worker switches a million times, sleeps, and reads sockets.
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <build_kind.hpp>
#include <weft/io/io.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

/// From here on rt_sigprocmask kills the process, on this thread only.
bool forbid_signal_masks() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{.len = std::size(program), .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

// What the child says with its exit status.
enum status { good = 0, filter_refused = 1, counted_wrong = 2, work_failed = 3 };

// Ends the process from inside, because glibc masks signals when a thread ends.
[[noreturn]] void work_under_the_filter(io_backend backend) {
  options o;
  o.workers = 1;
  o.backend = backend;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) _exit(work_failed);
  run(
      [&] {
        if (!on_thread_stack(forbid_signal_masks)) _exit(filter_refused);
        const int switches = weft_test::scaled(1'000'000);
        std::vector<task<void>> tasks;
        for (int i = 0; i < 2; ++i)
          tasks.push_back(spawn([=] {
            for (int k = 0; k < switches / 2; ++k) this_fiber::yield();
          }));
        tasks.push_back(spawn([] {
          for (int i = 0; i < 20; ++i) this_fiber::sleep_for(100us);  // real time: so that the worker sleeps
        }));
        int echoed = 0;
        tasks.push_back(spawn([&] {
          std::array<std::byte, 4> buffer{};
          for (int i = 0; i < 100; ++i) echoed += io::recv(ends[0], buffer, 0, 10s) == result<std::size_t>{4};
        }));
        tasks.push_back(spawn([&] {
          const std::array<std::byte, 4> buffer{};
          for (int i = 0; i < 100; ++i) {
            (void)io::send(ends[1], buffer);
            if (i % 10 == 0) this_fiber::sleep_for(50us);
            else this_fiber::yield();
          }
        }));
        for (task<void>& t : tasks) t.join();
        if (echoed != 100) _exit(work_failed);
        _exit(detail::worker::current()->counters().signal_masks == 2 ? good : counted_wrong);
      },
      o);
  _exit(work_failed);  // never
}

TEST(SignalMaskDeathTest, is_not_touched_by_a_million_switches) {
  if (weft_test::sanitized) GTEST_SKIP() << "the sanitizers mask signals themselves";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const io_backend backend : {io_backend::uring, io_backend::epoll})
    EXPECT_EXIT(work_under_the_filter(backend), testing::ExitedWithCode(good), "");
}

// The proof proves something only if the filter bites.
TEST(SignalMaskDeathTest, the_filter_kills_who_touches_it) {
  if (weft_test::sanitized) GTEST_SKIP() << "the sanitizers mask signals themselves";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        options o;
        o.workers = 1;
        run(
            [] {
              if (!on_thread_stack(forbid_signal_masks)) _exit(filter_refused);
              on_thread_stack([] {
                sigset_t none;
                sigemptyset(&none);
                pthread_sigmask(SIG_BLOCK, &none, nullptr);
              });
            },
            o);
        _exit(good);
      },
      testing::KilledBySignal(SIGSYS), "");
}

}  // namespace
}  // namespace weft

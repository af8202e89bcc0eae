// When memory for stacks runs out, and when a fiber overflows its own.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <process_memory.hpp>
#include <reports.hpp>
#include <resource_limit.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;
using weft_test::reports;

class Shortage : public weft_test::leak_check {};

/// Lets the process map only `more` bytes besides what it has.
struct address_space_limit : weft_test::resource_limit {
  explicit address_space_limit(std::size_t more)
      : resource_limit{RLIMIT_AS, weft_test::status_bytes("VmSize") + more} {}
};

// A fiber for which there is no stack stays queued, the error sink hears of it once a second at most, and the
// fiber runs as soon as another one ends, or memory is there again.
TEST_F(Shortage, fibers_without_a_stack_wait_and_run_later) {
  if (weft_test::sanitized) GTEST_SKIP() << "sanitizers do not live under a limit on address space";
  reports::clear();
  options o;
  o.workers = 1;
  o.error_sink = reports::sink;
  runtime rt{o};
  event gate;
  atomic<int> started{0}, ended{0};
  rt.block_on([] {});
  constexpr int fibers = 400;
  {
    address_space_limit few{32 << 20};  // the arena of 1 MiB stacks gets 16 or so
    rt.block_on([&] {
      for (int i = 0; i < fibers; ++i)
        go(
            [&] {
              started.fetch_add(1);
              (void)gate.wait();
              ended.fetch_add(1);
            },
            {.name = "large", .stack = stack_class::mib1});
      for (int i = 0; i < 20; ++i) this_fiber::sleep_for(1ms);  // real time: retries come every 10 ms
    });
    EXPECT_GT(started.load(), 0);
    EXPECT_LT(started.load(), fibers);
    const auto all = reports::take();
    EXPECT_EQ(reports::with(all, make_error_code(errc::limit).message()), 1u);
    EXPECT_EQ(reports::with(all, "\"large\""), 1u);
    EXPECT_EQ(rt.block_on([] { return 5; }), 5);  // others go on meanwhile
    gate.set();                                   // each end makes room for another
    rt.block_on([&] {
      while (ended.load() < fibers) this_fiber::sleep_for(1ms);  // real time: as above
    });
  }
  EXPECT_EQ(ended.load(), fibers);
  EXPECT_TRUE(rt.stop(10s));
}

TEST_F(Shortage, fibers_without_a_stack_run_when_there_is_memory_again) {
  if (weft_test::sanitized) GTEST_SKIP() << "sanitizers do not live under a limit on address space";
  reports::clear();
  options o;
  o.workers = 2;
  o.error_sink = reports::sink;
  runtime rt{o};
  event gate;
  atomic<int> started{0};
  rt.block_on([] {});
  address_space_limit few{32 << 20};
  constexpr int fibers = 100;
  for (int i = 0; i < fibers; ++i)
    rt.go(
        [&] {
          started.fetch_add(1);
          (void)gate.wait();
        },
        {.stack = stack_class::mib1});
  rt.block_on([&] {
    for (int i = 0; i < 20; ++i) this_fiber::sleep_for(1ms);  // real time: as above
  });
  EXPECT_LT(started.load(), fibers);
  few.lift();
  rt.block_on([&] {
    while (started.load() < fibers) this_fiber::sleep_for(1ms);  // real time: as above
  });
  gate.set();
  EXPECT_TRUE(rt.stop(10s));
  EXPECT_GE(reports::take().size(), 1u);
}

// A thread's stack takes 8 MiB: with too little room for all workers, open() ends those that had begun.
TEST_F(Shortage, open_says_that_threads_cannot_be_had_and_leaves_nothing_behind) {
  if (weft_test::sanitized) GTEST_SKIP() << "sanitizers do not live under a limit on address space";
  options o;
  o.workers = 8;
  int refused = 0;
  for (std::size_t room = 8; room <= 64; room += 8) {
    const address_space_limit few{room << 20};
    if (const auto made = runtime::open(o)) continue;
    else EXPECT_NE(made.error(), std::error_code{});
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

// --- guards

/// As a kernel before 6.13 does: refuses to guard stacks in the page table.
bool refuse_page_table_guards() {
  constexpr unsigned advice_guard_install = 102;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, advice_guard_install, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

[[noreturn]] void use_lesser_guards() {
  if (!refuse_page_table_guards()) _exit(2);
  run(
      [] {
        std::vector<task<void>> tasks;
        for (const stack_class c : {stack_class::kib4, stack_class::kib64, stack_class::mib1})
          for (int i = 0; i < 20; ++i) tasks.push_back(spawn([] { this_fiber::yield(); }, {.stack = c}));
        for (task<void>& t : tasks) t.join();
      },
      {.workers = 2, .error_sink = reports::sink});
  const auto all = reports::take();
  _exit(all.size() == 1 && reports::with(all, "stack guards in force: mprotect") == 1 ? 0 : 1);
}

TEST(ShortageDeathTest, a_lesser_guard_than_the_best_is_reported_once) {
  if (weft_test::sanitized) GTEST_SKIP() << "under sanitizers there are no guards in the page table";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(use_lesser_guards(), testing::ExitedWithCode(0), "");
}

// --- overflow

WEFT_NOINLINE int burrow(int depth) {
  volatile int frame[16];
  frame[depth % 16] = depth;
  const int below = depth < 0 ? 0 : burrow(depth + 1);
  return below + frame[depth % 16];
}

TEST(ShortageDeathTest, a_fiber_that_overflows_its_stack_is_named) {
  if (weft_test::sanitized) GTEST_SKIP() << "sanitizers catch the signal themselves";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const stack_class c : {stack_class::kib4, stack_class::kib64})
    EXPECT_EXIT(
        run([c] { spawn([] { return burrow(0); }, {.name = "digger", .stack = c}).join(); }, {.workers = 1}),
        testing::KilledBySignal(SIGSEGV),
        "stack overflow: fiber [0-9]+ .digger. .spawned at .*shortage_test.cpp:");
}

}  // namespace
}  // namespace weft

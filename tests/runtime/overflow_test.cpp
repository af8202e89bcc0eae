// Real overflows, each in a child process that is meant to die: what it says, and who gets the fault
// afterwards.
#include <weft/runtime/overflow.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <ucontext.h>
#include <unistd.h>

#include <weft/pools/stack_pool.hpp>

namespace weft::detail {
namespace {

constexpr std::array all_classes{stack_class::kib4, stack_class::kib16, stack_class::kib64,
                                 stack_class::kib256, stack_class::mib1};

/// Until the stack is gone. The addition behind the call keeps it from becoming a loop.
WEFT_NOINLINE int burrow(int depth) noexcept {
  volatile int frame[8];
  frame[depth % 8] = depth;
  const int below = depth < 0 ? 0 : burrow(depth + 1);
  return below + frame[depth % 8];
}

std::function<void()> body;
ucontext_t back;

/// Runs f on that stack, as a fiber would.
void run_on(std::byte* base, stack_class size, std::function<void()> f) {
  body = std::move(f);
  ucontext_t on_stack;
  getcontext(&on_stack);
  on_stack.uc_stack.ss_sp = base;
  on_stack.uc_stack.ss_size = usable(size);
  on_stack.uc_link = &back;
  makecontext(&on_stack, +[] { body(); }, 0);
  swapcontext(&back, &on_stack);
}

std::size_t describe(const void* base, char* out, std::size_t size) noexcept {
  const int n = std::snprintf(out, size, "fiber \"digger\" #42, spawned at mine.cpp:7 (dig), base %p", base);
  return static_cast<std::size_t>(n);
}

/// Leaked, because whoever uses it dies.
struct fixture {
  explicit fixture(guard_kind kind) : depot{{.guard = kind}}, cache{depot} {
    set_fiber_describer(describe);
    install_overflow_handler();
  }
  stack_depot depot;
  stack_cache cache;
  alternate_stack alternate;
};

void overflow(stack_class c, guard_kind kind) {
  fixture& f = *new fixture{kind};
  run_on(f.cache.take(c), c, [] { burrow(0); });
}

/// How a process ends whose SIGSEGV is not handled; sanitizers handle it.
bool died_of_it(int status) {
  return WEFT_ASAN || WEFT_TSAN ? !WIFEXITED(status) || WEXITSTATUS(status) != 0
                                : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/// All that was said. (AddressSanitizer has words of its own about swapcontext.)
std::string only(const std::string& words) { return WEFT_ASAN || WEFT_TSAN ? words : "^" + words + "$"; }

TEST(Overflow, of_every_class_names_the_fiber_and_then_ends_the_process) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::mprotect}) {
    if (!guard_works(kind)) continue;
    for (const stack_class c : all_classes) {
      const std::string expected =
          std::string{"weft: stack overflow: fiber \"digger\" #42, spawned at mine.cpp:7 .dig., "} +
          "base 0x[0-9a-f]+\nweft:   its stack, " + name(c) + ", has " + std::to_string(usable(c)) +
          " bytes at 0x[0-9a-f]+; touched was 0x[0-9a-f]+";
      EXPECT_EXIT(overflow(c, kind), died_of_it, expected);
    }
  }
}

TEST(Overflow, report_has_a_backtrace_of_both_ends_of_the_recursion) {
  EXPECT_EXIT(overflow(stack_class::kib64, guard_kind::mprotect), died_of_it,
              "weft:   at /[^\n]+.0x[0-9a-f]+\n"
              "(weft:   by /[^\n]+.0x[0-9a-f]+\n)+"
              "weft:   ... [0-9]+ more\n"
              "(weft:   by /[^\n]+.0x[0-9a-f]+\n)+");
}

std::byte* neighbour = nullptr;

void check_neighbour(int, siginfo_t*, void*) {
  const bool whole = std::all_of(neighbour, neighbour + usable(stack_class::kib16),
                                 [](std::byte b) { return b == std::byte{0x6b}; });
  std::fputs(whole ? "neighbour is whole\n" : "neighbour is damaged\n", stderr);
  for (const stack_class c : all_classes)
    std::fprintf(stderr, "%s: %d\n", name(c), static_cast<int>(overflows_seen(c)));
  _exit(3);
}

void overflow_beside_neighbour(guard_kind kind) {
  struct sigaction former{};
  former.sa_sigaction = check_neighbour;
  former.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &former, nullptr);
  fixture& f = *new fixture{kind};
  std::vector<std::byte*> stacks(20);
  for (std::byte*& stack : stacks) stack = f.cache.take(stack_class::kib16);
  std::ranges::sort(stacks);
  const auto above = std::ranges::adjacent_find(
      stacks, [](auto* a, auto* b) { return b - a == std::ptrdiff_t(stride(stack_class::kib16)); });
  ASSERT_NE(above, stacks.end());
  neighbour = above[0];
  std::memset(neighbour, 0x6b, usable(stack_class::kib16));
  run_on(above[1], stack_class::kib16, [] { burrow(0); });
}

TEST(Overflow, leaves_the_neighbour_alone_and_calls_the_previous_handler) {
  for (const guard_kind kind : {guard_kind::page_table, guard_kind::mprotect}) {
    if (!guard_works(kind)) continue;
    EXPECT_EXIT(overflow_beside_neighbour(kind), testing::ExitedWithCode(3),
                "weft: stack overflow.*\nneighbour is whole\nkib4: 0\nkib16: 1\nkib64: 0\n");
  }
}

// --- faults that are none of ours

volatile int* volatile nowhere = reinterpret_cast<volatile int*>(std::uintptr_t{64});

void previous_handler(int signal, siginfo_t* info, void*) {
  std::fprintf(stderr, "previous handler %d %d\n", signal == SIGSEGV,
               info->si_addr == const_cast<int*>(nowhere));
  _exit(4);
}

void fault_elsewhere() {
  struct sigaction former{};
  former.sa_sigaction = previous_handler;
  former.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &former, nullptr);
  fixture& f = *new fixture{guard_kind::mprotect};
  run_on(f.cache.take(stack_class::kib64), stack_class::kib64, [] { *nowhere = 1; });
}

TEST(Overflow, other_faults_go_to_the_previous_handler_without_a_word) {
  EXPECT_EXIT(fault_elsewhere(), testing::ExitedWithCode(4), only("previous handler 1 1\n"));
}

void fault_without_previous_handler() {
  fixture& f = *new fixture{guard_kind::mprotect};
  run_on(f.cache.take(stack_class::kib64), stack_class::kib64, [] { *nowhere = 1; });
}

TEST(Overflow, other_faults_end_the_process_if_nobody_handles_them) {
  EXPECT_EXIT(fault_without_previous_handler(), died_of_it, only(""));
}

void access_guard_from_thread() {
  fixture& f = *new fixture{guard_kind::mprotect};
  std::byte* const stack = f.cache.take(stack_class::kib64);
  static_cast<volatile std::byte*>(stack)[-100] = std::byte{1};
}

TEST(Overflow, stray_access_to_a_guard_is_told_from_an_overflow) {
  EXPECT_EXIT(access_guard_from_thread(), died_of_it,
              "weft: stray access to the guard of fiber \"digger\" #42");
}

void access_guard_from_other_fiber() {
  fixture& f = *new fixture{guard_kind::mprotect};
  std::byte* const victim = f.cache.take(stack_class::kib64);
  run_on(f.cache.take(stack_class::kib16), stack_class::kib16,
         [=] { static_cast<volatile std::byte*>(victim)[-100] = std::byte{1}; });
}

TEST(Overflow, stray_access_names_both_fibers) {
  EXPECT_EXIT(access_guard_from_other_fiber(), died_of_it,
              "stray access.*accessed by fiber \"digger\".*weft:   at /");
}

void overflow_without_describer() {
  fixture& f = *new fixture{guard_kind::mprotect};
  set_fiber_describer(nullptr);
  run_on(f.cache.take(stack_class::kib4), stack_class::kib4, [] { burrow(0); });
}

TEST(Overflow, without_a_describer_is_reported_all_the_same) {
  EXPECT_EXIT(overflow_without_describer(), died_of_it, "weft: stack overflow: a fiber that nobody knows");
}

void overflow_on_thread() {
  std::thread{[] { overflow(stack_class::kib64, guard_kind::mprotect); }}.join();
}

TEST(Overflow, is_reported_on_any_thread_with_an_alternate_stack) {
  EXPECT_EXIT(overflow_on_thread(), died_of_it, "weft: stack overflow: fiber \"digger\"");
}

// --- the previous handler sees what it would have seen without us

void check_mask(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  const bool right = sigismember(&mask, signal) == 1 && sigismember(&mask, SIGUSR1) == 1 &&
                     sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, SIGTERM) == 0;
  _exit(right ? 5 : 6);
}

void overflow_with_mask() {
  struct sigaction former{};
  former.sa_handler = check_mask;
  sigemptyset(&former.sa_mask);
  sigaddset(&former.sa_mask, SIGUSR1);
  sigaction(SIGSEGV, &former, nullptr);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  overflow(stack_class::kib16, guard_kind::mprotect);
}

TEST(Overflow, previous_handler_runs_with_the_signal_mask_it_asked_for) {
  EXPECT_EXIT(overflow_with_mask(), testing::ExitedWithCode(5), "");
}

void once_only(int) {
  static int calls = 0;
  std::fprintf(stderr, "call %d\n", ++calls);
}

void fault_with_one_shot_handler() {
  struct sigaction former{};
  former.sa_handler = once_only;
  former.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGSEGV, &former, nullptr);
  fault_without_previous_handler();
}

TEST(Overflow, one_shot_handler_is_called_once) {
  EXPECT_EXIT(fault_with_one_shot_handler(), testing::KilledBySignal(SIGSEGV), only("call 1\n"));
}

TEST(Overflow, sent_signal_that_was_ignored_stays_ignored) {
  struct sigaction before{}, ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGSEGV, &ignore, &before);
  install_overflow_handler();
  raise(SIGSEGV);
  remove_overflow_handler();
  struct sigaction after{};
  sigaction(SIGSEGV, &before, &after);
  EXPECT_EQ(after.sa_handler, SIG_IGN);
}

void raise_unhandled() {
  signal(SIGSEGV, SIG_DFL);
  install_overflow_handler();
  raise(SIGSEGV);
  _exit(0);
}

TEST(Overflow, sent_signal_that_nobody_handles_ends_the_process) {
  EXPECT_EXIT(raise_unhandled(), testing::KilledBySignal(SIGSEGV), only(""));
}

TEST(Overflow, handler_is_counted_and_the_former_one_comes_back) {
  const auto current = [] {
    struct sigaction action{};
    sigaction(SIGBUS, nullptr, &action);
    return action.sa_sigaction;
  };
  const auto before = current();
  install_overflow_handler();
  const auto ours = current();
  EXPECT_NE(ours, before);
  install_overflow_handler();
  remove_overflow_handler();
  EXPECT_EQ(current(), ours);
  remove_overflow_handler();
  EXPECT_EQ(current(), before);
}

void somebody_chains_on_us() {
  install_overflow_handler();
  static struct sigaction ours{};
  struct sigaction theirs{};
  theirs.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
    ours.sa_sigaction(signal, info, context);
  };
  theirs.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &theirs, &ours);
  remove_overflow_handler();
  overflow(stack_class::kib64, guard_kind::mprotect);  // installs again
}

TEST(Overflow, whoever_chains_on_our_handler_may_go_on_calling_it) {
  EXPECT_EXIT(somebody_chains_on_us(), died_of_it, "weft: stack overflow: fiber \"digger\"");
}

// --- alternate_stack

TEST(AlternateStack, is_in_force_until_it_is_destroyed) {
  stack_t before{}, during{}, after{};
  sigaltstack(nullptr, &before);
  {
    const alternate_stack alternate;
    EXPECT_TRUE(alternate.in_place());
    sigaltstack(nullptr, &during);
    EXPECT_NE(during.ss_sp, before.ss_sp);
    EXPECT_GE(during.ss_size, 64u * 1024);
    std::memset(during.ss_sp, 1, during.ss_size);
  }
  sigaltstack(nullptr, &after);
  EXPECT_EQ(after.ss_sp, before.ss_sp);
  EXPECT_EQ(after.ss_flags, before.ss_flags);
}

TEST(AlternateStack, of_somebody_who_came_later_stays) {
  std::thread{[] {
    std::vector<char> later(64 * 1024);
    {
      const alternate_stack alternate;
      stack_t theirs{};
      theirs.ss_sp = later.data();
      theirs.ss_size = later.size();
      ASSERT_EQ(sigaltstack(&theirs, nullptr), 0);
    }
    stack_t after{};
    sigaltstack(nullptr, &after);
    EXPECT_EQ(after.ss_sp, later.data());
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }}.join();
}

}  // namespace
}  // namespace weft::detail

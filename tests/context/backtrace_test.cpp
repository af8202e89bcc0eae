// Backtraces inside a fiber end at its entry: gdb's, the unwinder's and those that follow frame pointers.
#include <gtest/gtest.h>

#include <unwind.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "coroutine.hpp"

namespace weft::test {
namespace {

std::string output_of(const std::string& command) {
  std::string all;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return all;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof(part), pipe)) all.append(part, n);
  pclose(pipe);
  return all;
}

TEST(Backtrace, gdb_ends_cleanly_at_the_entry) {
  const char* target = std::getenv("WEFT_BACKTRACE_TARGET");
  if (target == nullptr) GTEST_SKIP() << "WEFT_BACKTRACE_TARGET is not set: run by `meson test`, natively";
  if (std::system("gdb --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "gdb is not installed";
  const std::string printed =
      output_of(std::string("env -u LD_PRELOAD gdb -nx -batch -iex 'set debuginfod enabled off' "
                            "-ex 'set confirm off' -ex 'break weft_test_stop' -ex run -ex bt -ex kill ") +
                target + " 2>&1");
  if (printed.find("Couldn't get registers") != std::string::npos ||
      printed.find("ptrace") != std::string::npos)
    GTEST_SKIP() << "gdb may not trace here:\n" << printed;
  EXPECT_NE(printed.find("weft_test_inner"), std::string::npos) << printed;
  EXPECT_NE(printed.find("weft_test_outer"), std::string::npos) << printed;
  // With line tables only the name has no scope, with no debug information at all the frame has no file.
  const bool named = printed.find("coroutine::run") != std::string::npos;
  EXPECT_TRUE(named || printed.find("coroutine.hpp:") != std::string::npos) << printed;
  EXPECT_EQ(printed.find("Backtrace stopped"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("corrupt"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("Cannot access memory"), std::string::npos) << printed;
  EXPECT_EQ(printed.find(" in ?? ()"), std::string::npos) << printed;
  EXPECT_EQ(printed.find(" main "), std::string::npos) << printed;
}

TEST(Backtrace, the_unwinder_reaches_the_end_of_the_stack) {
  const test_stack stack;
  int frames = 0;
  _Unwind_Reason_Code end = _URC_NO_REASON;
  coroutine c(stack, [&] {
    coroutine::suspend();
    end = _Unwind_Backtrace(
        [](_Unwind_Context*, void* count) {
          return ++*static_cast<int*>(count) < 100 ? _URC_NO_REASON : _URC_NORMAL_STOP;
        },
        &frames);
  });
  c.resume();
  c.resume();
  EXPECT_EQ(end, _URC_END_OF_STACK);
  EXPECT_GE(frames, 2);
  EXPECT_LT(frames, 20);
}

#if !WEFT_CONTEXT_BOOST
// Profilers walk this chain. The build keeps frame pointers.
TEST(Backtrace, the_chain_of_frame_pointers_ends_with_zero) {
  const test_stack stack;
  int links = 0;
  const void* last = stack.base();
  coroutine c(stack, [&] {
    const auto* frame = static_cast<const void* const*>(__builtin_frame_address(0));
    for (; frame != nullptr && links < 20; ++links) {
      last = frame;
      frame = static_cast<const void* const*>(*frame);
    }
  });
  c.resume();
  EXPECT_LT(links, 20);
  EXPECT_GT(last, static_cast<const void*>(stack.base()));
  EXPECT_LT(last, static_cast<const void*>(stack.base() + stack.size()));
}
#endif

}  // namespace
}  // namespace weft::test

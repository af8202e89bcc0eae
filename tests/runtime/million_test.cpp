// A million fibers in one process, each really started and parked: what they cost, that their guards are in
// place, and that nearly all of it goes back to the kernel when they have ended.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <process_memory.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;
using weft_test::mappings;
using weft_test::status_bytes;

class Million : public weft_test::leak_check {};

TEST_F(Million, parked_fibers_cost_one_page_each_and_leave_no_trace) {
  if (!weft_test::optimized) GTEST_SKIP() << "sanitizers and unoptimized frames take memory of their own";
  constexpr int fibers = 1'000'000;
  runtime rt;
  rt.block_on([] {});
  const std::size_t resident_before = status_bytes("VmRSS");
  const std::size_t tables_before = status_bytes("VmPTE");

  event gate;
  atomic<int> parked{0}, woken{0};
  atomic<const std::byte*> some_stack{nullptr};
  const auto begin = std::chrono::steady_clock::now();
  rt.block_on([&] {
    for (int i = 0; i < fibers; ++i) {
      go([&] {
        if (parked.fetch_add(1, std::memory_order_relaxed) == fibers / 2)
          some_stack.store(detail::worker::current()->running()->stack);
        if (gate.wait()) woken.fetch_add(1, std::memory_order_relaxed);
      });
      if (i % 1000 == 999) this_fiber::yield();
    }
    while (parked.load() < fibers) this_fiber::sleep_for(1ms);  // real time: the others run meanwhile
  });
  const auto all_parked = std::chrono::steady_clock::now();
  const std::size_t resident = status_bytes("VmRSS") - resident_before;
  const std::size_t tables = status_bytes("VmPTE") - tables_before;
  const std::size_t maps = mappings();
  std::printf("%d parked fibers: %.1f bytes resident and %.1f of page tables each, %zu mappings, %lld ms\n",
              fibers, static_cast<double>(resident) / fibers, static_cast<double>(tables) / fibers, maps,
              static_cast<long long>(
                  std::chrono::duration_cast<std::chrono::milliseconds>(all_parked - begin).count()));
  EXPECT_LE(static_cast<double>(resident) / fibers, 4.3 * 1024);
  EXPECT_LE(static_cast<double>(tables) / fibers, 136.0);
  EXPECT_LT(maps, 100u);
  EXPECT_GE(rt.shared().stacks().count().in_use, static_cast<std::size_t>(fibers));
  EXPECT_TRUE(weft_test::refuses_write(const_cast<std::byte*>(some_stack.load()) - 1))
      << "no guard below the stack";

  gate.set();
  constexpr std::ptrdiff_t little = 64 << 20;
  const auto more_than_before = [&] {
    return static_cast<std::ptrdiff_t>(status_bytes("VmRSS") + status_bytes("VmPTE")) -
           static_cast<std::ptrdiff_t>(resident_before + tables_before);
  };
  // real time: idle trimming begins when a worker has had nothing to do for 100 ms
  for (int i = 0; i < 400 && (woken.load() < fibers || more_than_before() >= little); ++i)
    std::this_thread::sleep_for(100ms);
  const std::ptrdiff_t left = more_than_before();
  const auto trimmed = std::chrono::steady_clock::now();
  EXPECT_EQ(woken.load(), fibers);
  std::printf("woken, ended and trimmed after %lld ms; %.1f MiB more than at first\n",
              static_cast<long long>(
                  std::chrono::duration_cast<std::chrono::milliseconds>(trimmed - all_parked).count()),
              static_cast<double>(left) / (1 << 20));
  EXPECT_LT(left, little);
}

}  // namespace
}  // namespace weft

// The report that all fibers are asleep, on real threads: it looks at fibers of other workers, which
// ThreadSanitizer is to see while they go to and fro.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <reports.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/external_work.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;

// Real time: the report is about a second of it.
TEST(CensusStress, looks_at_the_fibers_of_all_workers) {
  reports::clear();
  options o;
  o.workers = 3;
  o.asleep_report = true;
  o.error_sink = reports::sink;
  runtime rt{o};
  event over;
  mutex held;
  std::vector<task<void>> all;
  for (unsigned i = 0; i < 30; ++i)
    all.push_back(rt.spawn(
        [&, i] {
          for (int k = 0; k < 100; ++k) {
            const std::lock_guard hold{held};
            this_fiber::yield();
          }
          if (i == 0) held.lock();
          (void)over.wait();
          if (i == 0) held.unlock();
        },
        {.name = "sleeper", .worker = i % 3}));
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - begin < 20s;) {
    std::this_thread::sleep_for(50ms);  // real time: the report is about it
    const auto found = reports::take();
    if (reports::with(found, "all fibers are asleep") == 0) continue;
    EXPECT_NE(found[0].find("sleeper"), std::string::npos) << found[0];
    EXPECT_NE(found[0].find("and 10 more"), std::string::npos) << found[0];
    over.set();
    for (auto& t : all) t.join();
    return;
  }
  over.set();
  for (auto& t : all) t.join();
  FAIL() << "was not told within 20 s";
}

// Foreign threads come and go as the second is over.
TEST(CensusStress, wake_ups_meet_the_look) {
  reports::clear();
  options o;
  o.workers = 2;
  o.asleep_report = true;
  o.error_sink = reports::sink;
  runtime rt{o};
  std::atomic<int> woken{0};  // std::atomic, because the test counts, not weft
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      event there;
      task<void> t = rt.spawn([&] { woken += there.wait().has_value(); });
      {
        const external_work guard{rt};
        std::this_thread::sleep_for(1s + i * 100us);  // real time: the report is about it
      }
      there.set();
      t.join();
    });
  threads.clear();
  EXPECT_EQ(woken, 4);
  // Once at most: between the end of the guards and the first wake-up nothing is known of the threads.
  const auto found = reports::take();
  EXPECT_LE(found.size(), 1u);
  for (const std::string& text : found) EXPECT_NE(text.find("waits for an event"), std::string::npos) << text;
}

}  // namespace
}  // namespace weft

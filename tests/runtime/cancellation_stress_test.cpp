// Deadlines, scoped stops and shields on real threads: what the simulator cannot judge, the memory orders,
// under ThreadSanitizer.
#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/with_stop.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

class CancellationStress : public weft_test::leak_check {};

// Tokens are stopped by a thread and by fibers of other workers while their scopes begin and end.
TEST_F(CancellationStress, tokens_stop_scopes_that_come_and_go) {
  const int rounds = weft_test::scaled(2000);
  runtime rt{{.workers = 4}};
  std::atomic<std::stop_source*> current{nullptr};  // std::atomic: the test's own
  std::atomic<int> stopped{0};
  std::atomic<bool> over{false};
  std::jthread thread{[&] {
    while (!over.load()) {
      if (std::stop_source* const s = current.exchange(nullptr)) {
        s->request_stop();
        ++stopped;
      }
      std::this_thread::yield();
    }
  }};
  rt.block_on([&] {
    event never;
    for (int i = 0; i < rounds; ++i) {
      std::stop_source by_thread, by_fiber;
      std::stop_source* mine = &by_thread;
      const int stopped_before = stopped.load();
      task<void> other;
      if (i % 2 == 0) current.store(mine);
      else
        other = spawn([&] { (void)by_fiber.request_stop(); }, {.worker = 1u + static_cast<unsigned>(i) % 3});
      with_stop(by_thread.get_token(), [&] {
        with_stop(by_fiber.get_token(), [&] {
          const std::stop_token token = i % 3 == 0 ? this_fiber::get_stop_token() : std::stop_token{};
          if (i % 5 != 0) {
            EXPECT_EQ(never.wait().error(), errc::canceled);
            EXPECT_TRUE(!token.stop_possible() || token.stop_requested());
          }
        });
      });
      EXPECT_TRUE(this_fiber::checkpoint());
      if (i % 2 == 0 && !current.compare_exchange_strong(mine, nullptr))
        while (stopped.load() == stopped_before)
          this_fiber::yield();  // the thread has it: not before it is through, and no longer uses the source
      if (other.joinable()) other.join();
    }
  });
  over.store(true);
}

// Fibers of all workers wait with deadlines, in shields and out of them, while they are stopped.
TEST_F(CancellationStress, deadlines_stops_and_shields_at_once) {
  const int rounds = weft_test::scaled(500);
  runtime rt{{.workers = 4}};
  std::atomic<int> canceled{0}, late{0}, shielded{0};  // std::atomic: the test's own
  rt.block_on([&] {
    event never;
    for (int i = 0; i < rounds; ++i) {
      std::vector<task<void>> all;
      for (unsigned k = 0; k < 8; ++k)
        all.push_back(spawn(
            [&, k] {
              const result<void> r = with_deadline(k % 2 == 0 ? deadline{20us} : deadline::never(), [&] {
                if (k % 4 == 0) {
                  const cancellation_shield shield{10us};
                  shielded += never.wait().error() == errc::deadline_exceeded;
                }
                return never.wait();
              });
              (r.error() == errc::canceled ? canceled : late) += 1;
            },
            {.worker = k % 4}));
      if (i % 2 == 0) this_fiber::sleep_for(30us);
      for (task<void>& t : all) t.request_stop(stop_reason::resource);
      for (task<void>& t : all) t.join();
    }
  });
  EXPECT_EQ(canceled.load() + late.load(), 8 * rounds);
  EXPECT_EQ(shielded.load(), 2 * rounds);
}

// A deadline of a foreign thread ends its waits too, and nobody else's.
TEST_F(CancellationStress, threads_have_deadlines_of_their_own) {
  const int rounds = weft_test::scaled(200);
  event never;
  std::vector<std::jthread> threads;
  for (int n = 0; n < 3; ++n)
    threads.emplace_back([&, n] {
      for (int i = 0; i < rounds; ++i) {
        with_deadline(n * 5us, [&] { EXPECT_EQ(never.wait().error(), errc::deadline_exceeded); });
        with_deadline(deadline::past(), [&] {
          with_shield(5us, [&] { EXPECT_EQ(never.wait(1h).error(), errc::deadline_exceeded); });
        });
      }
    });
}

}  // namespace
}  // namespace weft

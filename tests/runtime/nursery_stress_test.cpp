// nursery on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer; and
// what goes to the error sink.
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <with_workers.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;
using weft_test::with_workers;

class NurseryStress : public weft_test::leak_check {
 protected:
  NurseryStress() { reports::clear(); }
};

result<void> refuse() { return std::unexpected(std::make_error_code(std::errc::connection_refused)); }

// Every child writes plain memory, which the joiner reads; the nursery dies at once.
TEST_F(NurseryStress, joins_see_what_children_did) {
  const int rounds = weft_test::scaled(2000);
  run(
      [&] {
        for (int i = 1; i <= rounds; ++i) {
          int done[8]{};
          {
            nursery n{{.children_max = static_cast<std::size_t>(i % 4)}};
            for (unsigned k = 0; k < 8; ++k)
              n.spawn(
                  [&, k] {
                    if (k % 3 == 0) this_fiber::yield();
                    done[k] = i;
                  },
                  {.worker = k % 4});
            ASSERT_TRUE(n.join());
          }
          for (const int d : done) ASSERT_EQ(d, i);
        }
      },
      with_workers(4));
}

// Children wait, and are stopped from a thread, by a sibling's failure, or by the end of the nursery.
TEST_F(NurseryStress, stops_reach_whoever_waits) {
  const int rounds = weft_test::scaled(1000);
  runtime rt{with_workers(4)};
  std::optional<nursery> n;
  event made, stopped;
  std::jthread thread{[&] {
    for (int i = 0; i < rounds; i += 3) {
      ASSERT_TRUE(made.wait());
      made.reset();
      n->request_stop();
      stopped.set();
    }
  }};
  rt.block_on([&] {
    event never;
    for (int i = 0; i < rounds; ++i) {
      n.emplace();
      std::atomic<int> canceled{0};  // std::atomic: the test's own
      for (unsigned k = 0; k < 6; ++k)
        n->spawn(
            [&, k] {
              const std::stop_token token = k == 0 ? this_fiber::get_stop_token() : std::stop_token{};
              canceled += never.wait().error() == errc::canceled;
            },
            {.worker = k % 4});
      switch (i % 3) {
        case 0:
          made.set();
          EXPECT_TRUE(n->join());
          EXPECT_TRUE(stopped.wait());
          stopped.reset();
          break;
        case 1:
          n->spawn(refuse, {.worker = 3});
          EXPECT_EQ(n->join().error(), std::errc::connection_refused);
          break;
        default: break;
      }
      n.reset();
      EXPECT_EQ(canceled.load(), 6);
    }
  });
}

// Fibers of all workers and a thread spawn into one nursery with little room.
TEST_F(NurseryStress, anyone_may_spawn) {
  const int rounds = weft_test::scaled(2000);
  runtime rt{with_workers(4)};
  std::atomic<int> live{0}, ran{0};  // std::atomic: the test's own
  std::optional<nursery> n;
  event made;
  const auto spawns = [&] {
    for (int i = 0; i < rounds; ++i)
      n->spawn([&] {
        EXPECT_LE(++live, 3);
        if (ran++ % 8 == 0) this_fiber::yield();
        --live;
      });
  };
  std::jthread thread{[&] {
    ASSERT_TRUE(made.wait());
    spawns();
  }};
  rt.block_on([&] {
    n.emplace(nursery_options{.children_max = 3});
    made.set();
    std::vector<task<void>> spawners;
    for (unsigned k = 0; k < 4; ++k) spawners.push_back(spawn(spawns, {.worker = k}));
    for (task<void>& t : spawners) t.join();
    while (ran.load() < 5 * rounds) (void)n->join();
    EXPECT_TRUE(n->join());
    n.reset();
  });
  EXPECT_EQ(ran.load(), 5 * rounds);
}

// --- the error sink

TEST_F(NurseryStress, report_brings_failures_to_the_sink_and_stops_nobody) {
  run(
      [] {
        nursery n{{.on_failure = on_failure::report}};
        bool ended = false;
        n.spawn(refuse, {.name = "refused"});
        n.spawn([] { throw std::runtime_error{"went wrong"}; });
        n.spawn([]() -> result<void> { return std::unexpected(errc::canceled); });
        n.spawn([&] { ended = this_fiber::sleep_for(1ms).has_value(); });
        EXPECT_TRUE(n.join());
        EXPECT_TRUE(ended);
      },
      with_workers(1));
  const std::vector<std::string> all = reports::take();
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(reports::with(all, "refused"), 1u);
  EXPECT_EQ(reports::with(all, "went wrong"), 1u);
}

TEST_F(NurseryStress, what_nobody_joins_goes_to_the_sink) {
  run(
      [] {
        {
          nursery n;
          n.spawn(refuse);
          n.spawn([] { throw std::runtime_error{"too late to count"}; });
          this_fiber::yield();
        }
        {
          nursery n;
          n.spawn([]() -> result<void> { return this_fiber::sleep_for(1h); });
          this_fiber::yield();
        }  // canceled by its end: nothing to report
      },
      with_workers(1));
  const std::vector<std::string> all = reports::take();
  EXPECT_EQ(all.size(), 2u);
  EXPECT_EQ(reports::with(all, "too late to count"), 1u);
  EXPECT_EQ(reports::with(all, "Connection refused"), 1u);
}

}  // namespace
}  // namespace weft

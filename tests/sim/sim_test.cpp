// The simulator itself: its clock, its waits, its reports, and that a seed says everything.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <sim/explore.hpp>
#include <sim/failure.hpp>
#include <sim/sim.hpp>
#include <sim/trace.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/os_thread.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;

constexpr unsigned steps_per_thread = 20;

std::string interleaving(std::uint64_t seed) {
  sim world{seed};
  std::string order;
  atomic<int> word{0};
  for (const char name : {'a', 'b', 'c'})
    world.thread([&, name] {
      for (unsigned i = 0; i < steps_per_thread; ++i) {
        word.store(1);
        order += name;
      }
    });
  world.run();
  return order;
}

TEST(Sim, same_seed_gives_the_same_interleaving) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(interleaving(seed), interleaving(seed));
}

TEST(Sim, other_seeds_give_other_interleavings) {
  std::vector<std::string> all;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) all.push_back(interleaving(seed));
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  EXPECT_GT(all.size() - repeated.size(), 30u);
}

TEST(Sim, time_stands_still_while_something_runs) {
  sim world{1};
  atomic<int> word{0};
  const auto before = world.now();
  world.thread([&] {
    for (int i = 0; i < 1000; ++i) word.store(i);
  });
  world.run();
  EXPECT_EQ(world.now(), before);
}

TEST(Sim, futex_wait_ends_exactly_at_its_deadline) {
  explore(100, [](sim& world) {
    atomic<std::uint32_t> word{0};
    const deadline until = world.in(5ms);
    std::int64_t ended = 0;
    world.thread([&] {
      while (detail::futex_wait(word, 0, until)) {}
      ended = detail::steady_ns();
    });
    world.advance(4ms);
    EXPECT_EQ(world.parked(), 1u);
    world.advance(1ms);
    EXPECT_EQ(world.parked(), 0u);
    EXPECT_EQ(ended, until.at);
  });
}

TEST(Sim, futex_wait_of_a_changed_word_returns_at_once) {
  sim world{1};
  atomic<std::uint32_t> word{1};
  bool returned = false;
  world.thread([&] { returned = detail::futex_wait(word, 0, deadline::never()); });
  world.run();
  EXPECT_TRUE(returned);
}

TEST(Sim, pausing_threads_let_time_pass) {
  explore(100, [](sim& world) {
    const deadline until = world.in(50us);
    for (int i = 0; i < 3; ++i)
      world.thread([&] {
        while (!until.expired()) detail::spin_pause();
      });
    world.run();
    EXPECT_GE(world.now(), std::chrono::steady_clock::time_point{std::chrono::nanoseconds{until.at}});
  });
}

TEST(Sim, a_spin_without_pause_does_not_starve_the_others) {
  explore(100, [](sim& world) {
    atomic<bool> go{false};
    world.thread([&] {
      while (!go.load()) {}
    });
    world.thread([&] { go.store(true); });
    world.run();
  });
}

TEST(Sim, deadlock_is_a_failure_that_names_who_waits_where) {
  const exploration found = find_failure(10, [](sim& world) {
    atomic<std::uint32_t> word{0};
    world.thread(
        [&] {
          for (;;) detail::futex_wait(word, 0, deadline::never());
        },
        "sleeper");
    world.run();
  });
  ASSERT_TRUE(found.failure);
  EXPECT_NE(found.failure->what.find("deadlock"), std::string::npos) << found.failure->what;
  EXPECT_NE(found.failure->what.find("sleeper: blocked, last futex_wait at sim_test.cpp:"), std::string::npos)
      << found.failure->what;
}

TEST(Sim, livelock_is_a_failure) {
  const exploration found = find_failure(1,
                                         [](sim& world) {
                                           atomic<int> word{0};
                                           world.thread([&] {
                                             while (word.load() == 0) {}
                                           });
                                           world.run();
                                         },
                                         {.steps_max = 10'000});
  ASSERT_TRUE(found.failure);
  EXPECT_NE(found.failure->what.find("livelock"), std::string::npos) << found.failure->what;
}

TEST(Sim, a_seed_that_sleeps_in_the_kernel_is_a_finding) {
  const exploration found = find_failure(10,
                                         [](sim& world) {
                                           world.thread([&] {
                                             while (world.seed() == 3) poll(nullptr, 0, -1);
                                           });
                                           world.run();
                                         },
                                         {.hang_seconds = 1});
  ASSERT_TRUE(found.failure);
  EXPECT_NE(found.failure->what.find("hangs"), std::string::npos) << found.failure->what;
  EXPECT_EQ(found.failure->seed, 3u);
}

TEST(Sim, abort_in_a_seed_is_a_finding) {
  const exploration found = find_failure(10, [](sim& world) {
    world.thread([&] {
      if (world.seed() == 7) std::abort();
    });
    world.run();
  });
  ASSERT_TRUE(found.failure);
  EXPECT_EQ(found.failure->seed, 7u);
  EXPECT_EQ(found.seeds, 6u);
}

TEST(Sim, a_failed_world_can_be_left) {
  for (int i = 0; i < 3; ++i) {
    const exploration found = find_failure(1, [](sim& world) {
      world.thread([&] { world.check(false, "as asked"); });
      world.run();
    });
    ASSERT_TRUE(found.failure);
    EXPECT_EQ(found.failure->what.substr(0, 8), "as asked");
  }
}

/// The message with which explore() fails the test, without failing it.
std::string failure_of_explore(std::uint64_t seeds, const scenario& run) {
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter instead{
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures};
    explore(seeds, run);
  }
  EXPECT_EQ(failures.size(), 1);
  return failures.size() == 0 ? "" : failures.GetTestPartResult(0).message();
}

// Sets a variable of the environment, and puts back what was there.
class scoped_variable {
 public:
  scoped_variable(const char* name, const char* value) : name_{name} {
    if (const char* const was = std::getenv(name)) before_ = was;
    if (value != nullptr) setenv(name, value, 1);
    else unsetenv(name);
  }
  ~scoped_variable() {
    if (before_) setenv(name_, before_->c_str(), 1);
    else unsetenv(name_);
  }
  scoped_variable(const scoped_variable&) = delete;
  scoped_variable& operator=(const scoped_variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

// Fails in a rare order, and says in which.
void fails_for_some_orders(sim& world) {
  std::string order;
  atomic<int> word{0};
  for (const char name : {'a', 'b', 'c'})
    world.thread([&, name] {
      for (int i = 0; i < 4; ++i) {
        word.store(i);
        order += name;
      }
    });
  world.run();
  if (order.starts_with("cba")) world.check(false, ("order " + order).c_str());
}

TEST(Sim, what_a_failure_says_about_its_replay_replays_it) {
  std::string found;
  {
    const scoped_variable all_seeds{"WEFT_SIM_SEED", nullptr};
    found = failure_of_explore(10'000, fails_for_some_orders);
  }
  const std::string_view label = "replay: WEFT_SIM_SEED=";
  const std::size_t at = found.find(label);
  ASSERT_NE(at, std::string::npos) << found;
  const std::string seed = found.substr(at + label.size());
  ASSERT_NE(seed, "1") << "the first seed fails: nothing is shown";
  const scoped_variable that_seed{"WEFT_SIM_SEED", seed.c_str()};
  std::vector<std::uint64_t> ran;
  const std::string again = failure_of_explore(10'000, [&](sim& world) {
    ran.push_back(world.seed());
    fails_for_some_orders(world);
  });
  EXPECT_EQ(ran, std::vector<std::uint64_t>{std::stoull(seed)});
  const auto until_trace = [](const std::string& report) {
    return report.substr(0, report.find("last steps:"));
  };
  EXPECT_EQ(until_trace(again), until_trace(found));
  EXPECT_NE(again.find("order cba"), std::string::npos) << again;
  EXPECT_NE(again.find(std::string{label} + seed), std::string::npos) << again;
}

TEST(Sim, errno_and_exceptions_belong_to_each_thread) {
  explore(200, [](sim& world) {
    atomic<int> word{0};
    for (int i = 1; i <= 3; ++i)
      world.thread([&, i] {
        errno = i;
        try {
          throw i;
        } catch (int) {
          for (int n = 0; n < 5; ++n) word.store(i);
          EXPECT_EQ(errno, i);
          try {
            throw;
          } catch (int again) {
            EXPECT_EQ(again, i);
          }
        }
      });
    world.run();
  });
}

TEST(Sim, library_threads_are_simulated_and_joined) {
  explore(200, [](sim&) {
    atomic<int> done{0};
    {
      auto one = detail::os_thread::start("one", [&] { done.fetch_add(1); });
      auto two = detail::os_thread::start("two", [&] { done.fetch_add(1); });
      ASSERT_TRUE(one && two);
    }
    EXPECT_EQ(done.load(), 2);
  });
}

TEST(Sim, weak_compare_exchange_fails_for_no_reason) {
  bool failed = false;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    sim world{seed};
    atomic<int> word{0};
    world.thread([&] {
      int expected = 0;
      failed |= !word.compare_exchange_weak(expected, 1) && expected == 0;
    });
    world.run();
  }
  EXPECT_TRUE(failed);
}

TEST(Sim, slow_worlds_let_deadlines_pass_while_threads_run) {
  bool passed = false;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    sim world{seed, {.slowness = 10}};
    atomic<std::uint32_t> word{0};
    world.thread([&] { passed |= !detail::futex_wait(word, 0, world.in(1ms)) && word.load() == 0; });
    world.thread([&] {
      for (int i = 0; i < 50; ++i) world.interleave();
      word.store(1);
      detail::futex_wake(&word, 1);
    });
    world.run();
  }
  EXPECT_TRUE(passed);
}

TEST(Sim, trace_names_thread_place_label_and_values) {
  detail::set_trace(true);
  {
    sim world{1};
    atomic<int> word{3};
    world.label(&word, "word");
    world.thread([&] { word.store(4); }, "writer");
    world.run();
    const std::string trace = detail::trace_text(10);
    EXPECT_NE(trace.find("writer"), std::string::npos) << trace;
    EXPECT_NE(trace.find("store"), std::string::npos) << trace;
    EXPECT_NE(trace.find("sim_test.cpp:"), std::string::npos) << trace;
    EXPECT_NE(trace.find("word"), std::string::npos) << trace;
    EXPECT_NE(trace.find("0x3 -> 0x4"), std::string::npos) << trace;
  }
  detail::set_trace(false);
}

}  // namespace
}  // namespace weft

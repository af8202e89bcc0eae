// condition_variable and call_once on real threads: what the simulator cannot judge, the memory orders, under
// ThreadSanitizer.
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <weft/runtime/condition_variable.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/once_flag.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::fibers;
using weft_test::run_everywhere;
using weft_test::scaled;

constexpr unsigned threads = 4;

// A bounded queue: half of all produce, the others consume, and wait in every way.
TEST(ConditionVariableStress, hands_values_over) {
  const int rounds = scaled(2000);
  mutex m;
  condition_variable filled, emptied;
  std::deque<int> queue;
  long made = 0, taken = 0;
  const long all = long{rounds} * (fibers + threads) / 2;
  run_everywhere(threads, [&](unsigned id) {
    for (int i = 0; i < rounds; ++i) {
      std::unique_lock hold{m};
      if (id % 2 == 0) {
        emptied.wait(hold, [&] { return queue.size() < 4; });
        queue.push_back(i);
        ++made;
        hold.unlock();
        filled.notify_one();
        continue;
      }
      const auto ready = [&] { return !queue.empty(); };
      switch (i % 4) {
        case 0: filled.wait(hold, ready); break;
        case 1:
          while (!filled.wait(hold, 20us, ready)) {}
          break;
        case 2:
          while (!filled.wait_for(hold, 20us, ready)) {}
          break;
        default: EXPECT_TRUE(filled.wait(hold, std::stop_token{}, ready));
      }
      queue.pop_front();
      ++taken;
      hold.unlock();
      emptied.notify_one();
    }
  });
  EXPECT_EQ(made, all);
  EXPECT_EQ(taken, all);
}

// It dies when all have been notified, while they are on their way, and deadlines and stops come in between.
TEST(ConditionVariableStress, dies_when_all_have_been_notified) {
  struct round {
    mutex lock;
    std::unique_ptr<condition_variable> changed = std::make_unique<condition_variable>();
    std::stop_source stop;
    unsigned waiting = 0;
    bool ready = false;
  };
  std::vector<std::unique_ptr<round>> rounds;
  for (int i = 0; i < scaled(300); ++i) rounds.push_back(std::make_unique<round>());
  run_everywhere(threads, [&](unsigned id) {
    for (const std::unique_ptr<round>& r : rounds) {
      std::unique_lock hold{r->lock};
      if (++r->waiting < fibers + threads) {
        while (!r->ready) {
          if (id % 3 == 0) r->changed->wait(hold);
          else if (id % 3 == 1) (void)r->changed->wait(hold, 30us);
          else (void)r->changed->wait(hold, r->stop.get_token(), [&] { return r->ready; });
          if (r->stop.stop_requested() && !r->ready) r->changed->wait(hold);
        }
        continue;
      }
      if (id % 2 == 0) {
        hold.unlock();
        r->stop.request_stop();
        hold.lock();
      }
      r->ready = true;
      hold.unlock();
      r->changed->notify_all();
      r->changed.reset();
    }
  });
}

TEST(CallOnceStress, runs_once_and_everybody_sees_it) {
  struct lazy {
    once_flag flag;
    int attempts = 0, value = 0;
  };
  std::vector<std::unique_ptr<lazy>> all;
  for (int i = 0; i < scaled(2000); ++i) all.push_back(std::make_unique<lazy>());
  run_everywhere(threads, [&](unsigned id) {
    for (const std::unique_ptr<lazy>& l : all) {
      const auto make = [&] {
        if (++l->attempts % 3 != 0) throw std::runtime_error{"not yet"};
        if (id % 2 == 0) this_fiber::yield();
        ++l->value;
      };
      for (bool done = false; !done;) {
        try {
          if (id % 4 == 0) done = call_once(l->flag, 50us, make).has_value();
          else call_once(l->flag, make), done = true;
        } catch (const std::runtime_error&) {}
      }
      EXPECT_EQ(l->value, 1);
      EXPECT_EQ(l->attempts, 3);
    }
  });
}

}  // namespace
}  // namespace weft

// Everything at once: random fibers that spawn, join, stop, detach, wait and throw on 2 to 8 workers, beside
// foreign threads that do the same, until the counts must agree. What it does follows from the seed; who wins
// the races does not.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::atomic;

struct oops : std::runtime_error {
  using runtime_error::runtime_error;
};

class storm {
 public:
  storm(runtime& rt, unsigned seed) : rt_{rt}, seed_{seed} {}

  /// What a fiber or a foreign thread does, `steps` times.
  void live(int depth, int steps) {
    std::minstd_rand random{seed_ + next_seed_.fetch_add(1) * 7919};
    std::vector<task<int>> children;
    const bool outside = detail::worker::current() == nullptr;
    for (int i = 0; i < steps; ++i) {
      switch (random() % 16) {
        case 0:
        case 1:
        case 2: children.push_back(bear(random, depth, outside)); break;
        case 3: join_one(children, random); break;
        case 4: {
          if (children.empty()) break;
          task<int> gone = take_one(children, random);
          gone.request_stop();
          break;
        }
        case 5:
          if (!children.empty()) children[random() % children.size()].request_stop();
          break;
        case 6:
          if (!children.empty()) take_one(children, random).detach();
          break;
        case 7: (void)this_fiber::sleep_for(std::chrono::microseconds{random() % 100}); break;
        case 8: (void)gates_[random() % gates].wait(std::chrono::microseconds{random() % 50}); break;
        case 9: gates_[random() % gates].set(); break;
        case 10: gates_[random() % gates].reset(); break;
        case 11: (void)this_fiber::checkpoint(); break;
        case 12: on_thread_stack([&] { gates_[random() % gates].set(); }); break;
        case 13: try { throw oops{"inside"};
          } catch (const oops&) {
            this_fiber::yield();
          }
          break;
        default: this_fiber::yield(); break;
      }
    }
    while (!children.empty()) join_one(children, random);
  }

  void expect_all_ended() const {
    EXPECT_EQ(born_.load(), ended_.load());
    EXPECT_EQ(born_.load(), begun_.load());
  }

 private:
  static constexpr unsigned gates = 5;

  template <class F>
  task<int> spawn_anywhere(F f, const spawn_options& o, bool outside) {
    return outside ? rt_.spawn(std::move(f), o) : spawn(std::move(f), o);
  }

  task<int> bear(std::minstd_rand& random, int depth, bool outside) {
    spawn_options o;
    o.priority = static_cast<priority>(random() % 4);
    o.stack = random() % 4 == 0 ? stack_class::kib256 : stack_class::kib64;
    if (random() % 8 == 0) o.worker = static_cast<unsigned>(random() % rt_.workers());
    if (random() % 4 == 0) o.name = "of the storm";
    born_.fetch_add(1);
    const int steps = depth == 0 ? 0 : static_cast<int>(random() % 12);
    const bool throws = random() % 8 == 0;
    return spawn_anywhere(
        [this, depth, steps, throws]() -> int {
          begun_.fetch_add(1);
          struct counter {
            storm& of;
            ~counter() { of.ended_.fetch_add(1); }
          } const at_end{*this};
          if (steps != 0) live(depth - 1, steps);
          if (throws) throw oops{"out"};
          return depth;
        },
        o, outside);
  }

  static task<int> take_one(std::vector<task<int>>& from, std::minstd_rand& random) {
    std::swap(from[random() % from.size()], from.back());
    task<int> taken = std::move(from.back());
    from.pop_back();
    return taken;
  }

  static void join_one(std::vector<task<int>>& children, std::minstd_rand& random) {
    if (children.empty()) return;
    task<int> t = take_one(children, random);
    try {
      if (random() % 2 == 0) {
        (void)t.join();
      } else if (!t.join(std::chrono::microseconds{random() % 40})) {
        ASSERT_TRUE(t.joinable());
        children.push_back(std::move(t));
      }
    } catch (const oops&) {}
  }

  runtime& rt_;
  const unsigned seed_;
  atomic<unsigned> next_seed_{0};
  atomic<int> born_{0}, begun_{0}, ended_{0};
  event gates_[gates];
};

class Stress : public weft_test::leak_check {};

void rage(unsigned workers, std::size_t fibers_max, unsigned seed, bool stopped) {
  options o;
  o.workers = workers;
  o.fibers_max = fibers_max;
  o.error_sink = [](std::string_view) {};  // the failures of those that were detached
  runtime rt{o};
  storm s{rt, seed};
  const int steps = weft_test::scaled(2000);
  event threads_ended;  // until then something lives, so that the threads may spawn
  if (stopped)
    rt.go([&] {
      const cancellation_shield deaf;
      (void)threads_ended.wait();
    });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&] { s.live(3, steps); });
  std::vector<task<void>> roots;
  for (unsigned i = 0; i < workers; ++i) roots.push_back(rt.spawn([&] { s.live(3, steps); }));
  if (stopped) {
    std::this_thread::sleep_for(5ms);  // real time: so that something is under way
    rt.request_stop();
  }
  for (std::thread& t : threads) t.join();
  threads_ended.set();
  for (task<void>& t : roots) t.join();
  ASSERT_TRUE(rt.stop(60s));
  s.expect_all_ended();
}

unsigned seed() {
  const char* const given = std::getenv("WEFT_STRESS_SEED");
  const unsigned value = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::printf("WEFT_STRESS_SEED=%u\n", value);
  return value;
}

TEST_F(Stress, two_to_eight_workers_lose_no_fiber) {
  const unsigned first = seed();
  for (unsigned workers = 2; workers <= 8; workers += 2) rage(workers, 0, first + workers, /*stopped=*/false);
}

TEST_F(Stress, a_stop_in_the_middle_ends_everything) {
  const unsigned first = seed();
  for (unsigned i = 0; i < 10; ++i) rage(2 + i % 3, 0, first + i, /*stopped=*/true);
}

TEST_F(Stress, with_little_room_all_get_through) {
  const unsigned first = seed();
  for (const std::size_t most : {1u, 3u, 20u})
    rage(3, most, first + static_cast<unsigned>(most), /*stopped=*/false);
}

}  // namespace
}  // namespace weft

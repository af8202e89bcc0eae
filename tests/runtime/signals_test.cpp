#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <leak_check.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/signals.hpp>
#include <weft/runtime/this_fiber.hpp>

using namespace weft;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

constinit detail::atomic<int> usual_effect{0};

// SIGUSR1 and SIGUSR2 count here when weft does not catch them.
class Signals : public weft_test::leak_check {
 protected:
  Signals() {
    struct sigaction count = {};
    count.sa_handler = [](int) { usual_effect.fetch_add(1); };
    ::sigaction(SIGUSR1, &count, &before_[0]);
    ::sigaction(SIGUSR2, &count, &before_[1]);
    usual_effect.store(0);
  }
  ~Signals() override {
    EXPECT_FALSE(caught(SIGUSR1)) << "the previous disposition is not back";
    ::sigaction(SIGUSR1, &before_[0], nullptr);
    ::sigaction(SIGUSR2, &before_[1], nullptr);
    // The thread that waits for signals ends by itself, soon after its last waiter has left.
    const auto patience = clock::now() + 10s;
    while (has_thread("weft-signals") && clock::now() < patience) std::this_thread::yield();
  }

  static bool has_thread(std::string_view name) {
    for (const auto& thread : std::filesystem::directory_iterator{"/proc/self/task"}) {
      std::ifstream file{thread.path() / "comm"};
      std::string found;
      if (std::getline(file, found) && found == name) return true;
    }
    return false;
  }

  static bool caught(int number) {
    struct sigaction now;
    ::sigaction(number, nullptr, &now);
    return (now.sa_flags & SA_ONSTACK) != 0;  // ours has it, the counting one has not
  }

  // Until somebody waits for it.
  static void await_caught(int number) {
    while (!caught(number)) this_fiber::yield();
  }

  static void send(int number) { ::kill(::getpid(), number); }

 private:
  struct sigaction before_[2];
};

auto waiting_for(std::initializer_list<int> which) {
  const std::vector<int> numbers{which};
  return spawn([numbers]() -> result<int> {
    return numbers.size() == 1 ? signals::wait({numbers[0]}) : signals::wait({numbers[0], numbers[1]});
  });
}

}  // namespace

TEST_F(Signals, a_fiber_gets_what_it_waits_for) {
  run([] {
    auto waiter = waiting_for({SIGUSR1});
    await_caught(SIGUSR1);
    send(SIGUSR1);
    EXPECT_EQ(waiter.join(), SIGUSR1);
    EXPECT_EQ(usual_effect, 0);
  });
}

TEST_F(Signals, it_gets_the_one_of_several_that_comes) {
  for (const int number : {SIGUSR1, SIGUSR2})
    run([number] {
      auto waiter = waiting_for({SIGUSR1, SIGUSR2});
      await_caught(SIGUSR2);
      send(number);
      EXPECT_EQ(waiter.join(), number);
    });
}

TEST_F(Signals, every_waiter_gets_it) {
  run(
      [] {
        std::vector<task<result<int>>> waiters;
        for (int i = 0; i < 50; ++i) waiters.push_back(waiting_for({SIGUSR1}));
        auto other = waiting_for({SIGUSR2});
        await_caught(SIGUSR2);
        for (int i = 0; i < 100; ++i) this_fiber::yield();
        (void)this_fiber::sleep_for(20ms);  // real time: all 50 wait, on whatever worker they run
        send(SIGUSR1);
        for (auto& w : waiters) EXPECT_EQ(w.join(), SIGUSR1);
        send(SIGUSR2);
        EXPECT_EQ(other.join(), SIGUSR2);
        EXPECT_EQ(usual_effect, 0);
      },
      {.workers = 2});
}

TEST_F(Signals, the_next_one_has_its_usual_effect_again) {
  run([] {
    for (int i = 1; i <= 20; ++i) {
      auto waiter = waiting_for({SIGUSR1});
      await_caught(SIGUSR1);
      send(SIGUSR1);
      EXPECT_EQ(waiter.join(), SIGUSR1);
      EXPECT_FALSE(caught(SIGUSR1));
      send(SIGUSR1);
      while (usual_effect.load() < i) this_fiber::yield();
    }
    EXPECT_EQ(usual_effect, 20);
  });
}

TEST_F(Signals, a_wait_ends_at_its_deadline_not_before) {
  run([] {
    const auto start = clock::now();
    EXPECT_EQ(signals::wait({SIGUSR1}, 20ms).error(), errc::deadline_exceeded);
    EXPECT_GE(clock::now() - start, 20ms);
    EXPECT_EQ(signals::wait({SIGUSR1}, 0ms).error(), errc::deadline_exceeded);
    EXPECT_FALSE(caught(SIGUSR1));
  });
}

TEST_F(Signals, a_stopped_fiber_leaves_its_wait) {
  run([] {
    auto waiter = waiting_for({SIGUSR1});
    await_caught(SIGUSR1);
    waiter.request_stop();
    EXPECT_EQ(waiter.join().error(), errc::canceled);
  });
}

TEST_F(Signals, a_foreign_thread_may_wait) {
  std::jthread other{[] { EXPECT_EQ(signals::wait({SIGUSR1}), SIGUSR1); }};
  await_caught(SIGUSR1);
  send(SIGUSR1);
}

// Of two different signals that come at once, a waiter takes one; the other one has its usual effect. None is
// lost.
TEST_F(Signals, none_is_lost) {
  constexpr int rounds = 300;
  run(
      [] {
        for (int i = 1; i <= rounds; ++i) {
          auto waiter = waiting_for({SIGUSR1, SIGUSR2});
          await_caught(SIGUSR1);
          await_caught(SIGUSR2);
          send(SIGUSR2);
          send(SIGUSR1);
          EXPECT_TRUE(waiter.join());
          while (usual_effect.load() < i) this_fiber::yield();
          ASSERT_EQ(usual_effect, i);
        }
      },
      {.workers = 2});
}

// A deadline that passes in the same moment must not swallow the signal: it is either taken or has its usual
// effect.
TEST_F(Signals, none_is_lost_to_a_deadline) {
  run(
      [] {
        int taken = 0;
        for (int i = 1; i <= 300; ++i) {
          auto waiter =
              spawn([i] { return signals::wait({SIGUSR1}, std::chrono::microseconds{(i * 7) % 200}); });
          for (int k = 0; k < i % 50; ++k) this_fiber::yield();
          send(SIGUSR1);
          if (waiter.join()) ++taken;
          while (usual_effect.load() + taken < i) this_fiber::yield();
          ASSERT_EQ(usual_effect + taken, i);
        }
      },
      {.workers = 2});
}

// With the signal blocked on every thread of the program, main() included, it still arrives.
TEST_F(Signals, arrives_though_every_thread_blocks_it) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  run([] {
    auto waiter = waiting_for({SIGUSR1});
    await_caught(SIGUSR1);
    send(SIGUSR1);
    EXPECT_EQ(waiter.join(), SIGUSR1);
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(Signals, refuses_what_cannot_be_waited_for) {
  run([] {
    for (const int number : {0, -1, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGFPE})
      EXPECT_EQ(signals::wait({number}).error(), std::errc::invalid_argument) << number;
    EXPECT_EQ(signals::wait({}).error(), std::errc::invalid_argument);
    EXPECT_EQ(signals::wait({SIGRTMIN}, 0ms).error(), errc::deadline_exceeded);
  });
}

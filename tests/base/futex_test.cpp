// futex_wait and futex_wake, on real threads and in real time: a few milliseconds each.
#include <weft/runtime/base/atomic.hpp>

#include <csignal>
#include <thread>

#include <pthread.h>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using weft::deadline;
using weft::detail::atomic;
using weft::detail::futex_wait;
using weft::detail::futex_wake;
using weft::detail::steady_ns;

TEST(Futex, returns_at_once_if_the_word_differs) {
  const atomic<std::uint32_t> word{1};
  EXPECT_TRUE(futex_wait(word, 0, deadline::never()));
  EXPECT_TRUE(futex_wait(word, 0, 1h));
}

TEST(Futex, times_out_and_not_early) {
  const atomic<std::uint32_t> word{0};
  const deadline until = 3ms;
  EXPECT_FALSE(futex_wait(word, 0, until));
  EXPECT_GE(steady_ns(), until.at);
}

TEST(Futex, a_deadline_that_has_passed_does_not_wait) {
  const atomic<std::uint32_t> word{0};
  EXPECT_FALSE(futex_wait(word, 0, deadline::past()));
  EXPECT_FALSE(futex_wait(word, 0, std::chrono::steady_clock::time_point{}));
  EXPECT_FALSE(futex_wait(word, 0, std::chrono::steady_clock::time_point{-5s}));
}

TEST(Futex, sees_each_wake_up) {
  atomic<std::uint32_t> word{0};
  std::thread other{[&] {
    for (std::uint32_t turn = 0; turn < 2000; turn += 2) {
      while (word.load(std::memory_order_acquire) == turn) futex_wait(word, turn, deadline::never());
      word.store(turn + 2, std::memory_order_release);
      futex_wake(&word, 1);
    }
  }};
  for (std::uint32_t turn = 0; turn < 2000; turn += 2) {
    word.store(turn + 1, std::memory_order_release);
    futex_wake(&word, 1);
    while (word.load(std::memory_order_acquire) == turn + 1) futex_wait(word, turn + 1, deadline::never());
  }
  other.join();
  EXPECT_EQ(word.load(), 2000u);
}

TEST(Futex, wakes_as_many_as_it_is_asked_to) {
  atomic<std::uint32_t> word{0};
  atomic<std::uint32_t> awake{0};
  std::vector<std::thread> sleepers;
  for (int i = 0; i < 4; ++i) {
    sleepers.emplace_back([&] {
      while (word.load() == 0) futex_wait(word, 0, deadline::never());
      awake.fetch_add(1);
      futex_wake(&awake, 1);
    });
  }
  word.store(1);
  futex_wake(&word, 4);
  for (std::uint32_t n; (n = awake.load()) < 4;) EXPECT_TRUE(futex_wait(awake, n, 10s));
  for (std::thread& t : sleepers) t.join();
}

// A signal may end the wait, but is not mistaken for the deadline.
TEST(Futex, a_signal_is_not_a_timeout) {
  struct sigaction previous, quiet{};
  quiet.sa_handler = [](int) {};
  sigaction(SIGUSR1, &quiet, &previous);  // without SA_RESTART
  atomic<std::uint32_t> word{0};
  const pthread_t self = pthread_self();
  std::thread other{[&] {
    pthread_kill(self, SIGUSR1);
    word.store(1);
    futex_wake(&word, 1);
  }};
  while (word.load() == 0) EXPECT_TRUE(futex_wait(word, 0, 1h));
  other.join();
  sigaction(SIGUSR1, &previous, nullptr);
}

}  // namespace

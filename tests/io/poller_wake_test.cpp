// Sleeping and being woken, with real time and real threads: never early, never lost.
#include "poller_fixture.hpp"

#include <csignal>
#include <thread>

#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
namespace {

TEST_P(Poller, sleeps_until_the_deadline_and_never_less) {
  for (const auto length : {0us, 1us, 50us, 300us, 999us, 1000us, 1500us, 5000us, 20'000us}) {
    const deadline until{std::chrono::steady_clock::now() + length};
    const auto sleeps = io->counters().sleeps;
    io->turn(until);
    EXPECT_GE(steady_ns(), until.at) << length.count() << " us";
    EXPECT_LT(steady_ns(), until.at + 1'000'000'000);
    EXPECT_GE(io->counters().sleeps, sleeps + (length > 300us ? 1 : 0));
  }
}

TEST_P(Poller, a_past_deadline_does_not_sleep) {
  auto [near, far] = tcp_pair();
  char byte[1];
  heard op{operation_code::recv, near, byte};
  io->submit(op);
  for (int i = 0; i < 100; ++i) {
    const auto enters = io->counters().enters;
    io->turn(deadline::past());
    EXPECT_LE(io->counters().enters, enters + 1);
  }
  EXPECT_EQ(io->counters().sleeps, 0u);
  io->cancel(op);
  finish(op);
}

TEST_P(Poller, counts_what_the_kernel_took_from_the_queue) {
  auto [near, far] = tcp_pair();
  turn_some();
  char byte[1];
  heard first{operation_code::recv, near, byte}, second{operation_code::recv, far, byte};
  const std::uint64_t before = io->counters().entries;
  io->submit(first);
  io->submit(second);
  EXPECT_EQ(io->counters().entries, before);
  turn_some();
  EXPECT_EQ(io->counters().entries, before + (is_uring() ? 2 : 0));
  io->cancel(first);
  io->cancel(second);
  finish(first);
  finish(second);
  EXPECT_EQ(io->counters().entries, before + (is_uring() ? 4 : 0)) << "a cancellation is one too";
}

TEST_P(Poller, a_turn_with_something_to_deliver_does_not_sleep) {
  auto [near, far] = tcp_pair();
  heard op{operation_code::shutdown, near};
  op.flags = SHUT_WR;
  io->submit(op);
  EXPECT_TRUE(io->ready());
  io->turn(deadline::never());
  EXPECT_TRUE(op.done);
}

TEST_P(Poller, a_completion_ends_the_sleep) {
  auto [near, far] = tcp_pair();
  char byte[1];
  heard op{operation_code::recv, near, byte};
  io->submit(op);
  turn_some();
  std::thread sender{[fd = int{far}] {
    std::this_thread::sleep_for(5ms);  // real time: the other thread must be asleep by then
    EXPECT_EQ(::send(fd, "x", 1, 0), 1);
  }};
  io->turn(deadline{10s});
  EXPECT_TRUE(op.done);
  sender.join();
}

TEST_P(Poller, notify_ends_the_sleep) {
  std::thread waker{[this] {
    std::this_thread::sleep_for(5ms);  // real time: the other thread must be asleep by then
    io->notify();
  }};
  io->turn(deadline::never());
  waker.join();
}

TEST_P(Poller, notify_before_the_sleep_ends_it_too) {
  io->notify();
  io->turn(deadline::never());
  io->notify();
  io->notify();
  io->turn(deadline::past());  // does not use it up
  io->turn(deadline::never());
}

TEST_P(Poller, one_notify_ends_one_sleep) {
  io->notify();
  io->turn(deadline{1s});
  const deadline until{5ms};
  io->turn(until);
  EXPECT_GE(steady_ns(), until.at);
}

// The worker's protocol: look, say that it sleeps, look again, sleep; the sender: put, and notify only who
// sleeps.
TEST_P(Poller, no_wake_up_is_lost_in_thousands_of_rounds) {
  constexpr std::uint32_t rounds = 20'000;
  atomic<std::uint32_t> put{0}, taken{0};
  atomic<bool> sleeps{false};
  std::thread sender{[&] {
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      put.store(i, std::memory_order_seq_cst);
      if (sleeps.load(std::memory_order_seq_cst)) io->notify();
      if (i % 16 != 0)  // sometimes in lock step, sometimes ahead
        while (taken.load(std::memory_order_acquire) < i) std::this_thread::yield();
    }
  }};
  while (taken.load(std::memory_order_relaxed) < rounds) {
    taken.store(put.load(std::memory_order_acquire), std::memory_order_release);
    sleeps.store(true, std::memory_order_seq_cst);
    if (put.load(std::memory_order_seq_cst) == taken.load(std::memory_order_relaxed) &&
        taken.load(std::memory_order_relaxed) < rounds) {
      const std::int64_t before = steady_ns();
      io->turn(deadline{10s});
      ASSERT_LT(steady_ns() - before, 5'000'000'000) << "a wake-up was lost";
    }
    sleeps.store(false, std::memory_order_relaxed);
  }
  sender.join();
}

TEST_P(Poller, many_threads_may_notify_at_once) {
  atomic<int> left{4};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) io->notify();
      left.fetch_sub(1, std::memory_order_seq_cst);
      io->notify();
    });
  }
  while (left.load(std::memory_order_seq_cst) != 0) io->turn(deadline{10s});
  for (std::thread& t : threads) t.join();
}

TEST_P(Poller, a_signal_does_not_end_the_sleep) {
  struct sigaction ignore_it{}, before{};
  ignore_it.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &ignore_it, &before), 0);
  const pthread_t self = pthread_self();
  std::thread sender{[self] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(2ms);  // real time: the other thread must be asleep by then
      pthread_kill(self, SIGUSR1);
    }
  }};
  const deadline until{30ms};
  io->turn(until);
  EXPECT_GE(steady_ns(), until.at);
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(Poller, sigpipe_is_blocked_only_while_the_poller_lives) {
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
  };
  EXPECT_TRUE(blocked());
  auto [near, far] = pipe_pair();
  near.reset();
  heard op{operation_code::write, far, std::string_view{"x"}};
  EXPECT_EQ(run(op), -EPIPE);
  io.reset();
  EXPECT_FALSE(blocked());  // and nothing was pending: we are alive
  far.reset();
}

}  // namespace
}  // namespace weft::detail

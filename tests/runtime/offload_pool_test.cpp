// The offload pool on real threads. Nothing sleeps: jobs wait for gates, and time passes only where idle
// threads end.
#include <weft/runtime/offload_pool.hpp>

#include <algorithm>
#include <csignal>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using weft::deadline;
using weft::detail::atomic;
using weft::detail::futex_wait;
using weft::detail::futex_wake;
using weft::detail::offload_job;
using weft::detail::offload_options;
using weft::detail::offload_pool;

/// Closed until opened.
class gate {
 public:
  void open() {
    open_.store(1, std::memory_order_release);
    futex_wake(&open_, 1000);
  }
  void wait() {
    while (open_.load(std::memory_order_acquire) == 0) futex_wait(open_, 0, deadline::never());
  }

 private:
  atomic<std::uint32_t> open_{0};
};

/// Counts calls that have ended; its owner waits for a number of them.
class counter {
 public:
  void add() {
    count_.fetch_add(1, std::memory_order_release);
    futex_wake(&count_, 1000);
  }
  void wait_for(std::uint32_t n) {
    for (std::uint32_t now; (now = count_.load(std::memory_order_acquire)) < n;) {
      ASSERT_TRUE(futex_wait(count_, now, 20s)) << "only " << now << " of " << n;
    }
  }
  std::uint32_t now() const { return count_.load(std::memory_order_acquire); }

 private:
  atomic<std::uint32_t> count_{0};
};

struct job : offload_job {
  explicit job(std::function<void()> f) : body{std::move(f)} {
    run = [](offload_job& self) noexcept { static_cast<job&>(self).body(); };
  }
  std::function<void()> body;
};

/// Waits until `what` of the pool's stats is true. Only for what happens a moment after a job's last words.
template <class What>
bool eventually(const offload_pool& pool, What what) {
  const deadline until = 20s;
  while (!what(pool.stats())) {
    if (until.expired()) return false;
    sched_yield();
  }
  return true;
}

TEST(OffloadPool, runs_each_job_once) {
  counter done;
  std::deque<job> jobs;
  offload_pool pool;
  ASSERT_FALSE(pool.error());
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.submit(jobs.emplace_back([&] { done.add(); })));
  done.wait_for(1000);
  EXPECT_TRUE(eventually(pool, [](const auto& s) { return s.completed == 1000; }));
  EXPECT_EQ(pool.stats().submitted, 1000u);
  EXPECT_EQ(pool.stats().queued, 0u);
  EXPECT_LE(pool.stats().threads, 64u);
  EXPECT_EQ(done.now(), 1000u);
}

// Jobs that wait for each other need a thread each; none may lie behind one that blocks.
TEST(OffloadPool, a_blocked_job_holds_up_nobody) {
  gate last;
  counter arrived;
  std::deque<job> jobs;
  offload_pool pool{{.threads_max = 8}};
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.submit(jobs.emplace_back([&] {
      arrived.add();
      last.wait();
    })));
    arrived.wait_for(static_cast<std::uint32_t>(i) + 1);
  }
  EXPECT_EQ(pool.stats().threads, 8u);
  EXPECT_EQ(pool.stats().idle, 0u);
  last.open();
}

TEST(OffloadPool, never_has_more_threads_than_allowed) {
  atomic<int> running{0}, most{0};
  counter done;
  std::deque<job> jobs;
  {
    offload_pool pool{{.threads_max = 3}};
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(pool.submit(jobs.emplace_back([&] {
        const int now = running.fetch_add(1) + 1;
        for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {}
        sched_yield();
        running.fetch_sub(1);
        done.add();
      })));
    }
    done.wait_for(300);
    EXPECT_LE(pool.stats().threads, 3u);
  }
  EXPECT_LE(most.load(), 3);
}

TEST(OffloadPool, one_thread_runs_jobs_in_order) {
  std::vector<int> order;
  std::deque<job> jobs;
  {
    offload_pool pool{{.threads_max = 1}};
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(pool.submit(jobs.emplace_back([&order, i] { order.push_back(i); })));
  }
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(OffloadPool, refuses_beyond_the_queue) {
  gate go;
  counter begun, done;
  const auto body = [&] {
    begun.add();
    go.wait();
    done.add();
  };
  job a{body}, b{body}, c{body}, d{body};
  offload_pool pool{{.threads_max = 1, .queue_max = 2}};
  ASSERT_TRUE(pool.submit(a));
  begun.wait_for(1);
  EXPECT_TRUE(pool.submit(b));
  EXPECT_TRUE(pool.submit(c));
  EXPECT_FALSE(pool.submit(d));
  EXPECT_EQ(pool.stats().queued, 2u);
  EXPECT_EQ(pool.stats().refused, 1u);
  EXPECT_TRUE(pool.withdraw(c));
  EXPECT_TRUE(pool.submit(d));
  go.open();
  done.wait_for(3);
}

TEST(OffloadPool, a_withdrawn_job_does_not_run) {
  gate go;
  counter begun;
  bool ran = false;
  job first{[&] {
    begun.add();
    go.wait();
  }};
  job second{[&] { ran = true; }};
  {
    offload_pool pool{{.threads_max = 1}};
    ASSERT_TRUE(pool.submit(first));
    begun.wait_for(1);
    ASSERT_TRUE(pool.submit(second));
    EXPECT_TRUE(pool.withdraw(second));
    EXPECT_FALSE(pool.withdraw(second));
    EXPECT_FALSE(pool.withdraw(first)) << "it runs";
    EXPECT_EQ(pool.stats().withdrawn, 1u);
    go.open();
  }
  EXPECT_FALSE(ran);
}

TEST(OffloadPool, the_destructor_runs_what_is_queued) {
  gate go;
  int ran = 0;
  std::deque<job> jobs;
  {
    offload_pool pool{{.threads_max = 1}};
    job& first = jobs.emplace_back([&] { go.wait(); });
    ASSERT_TRUE(pool.submit(first));
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.submit(jobs.emplace_back([&] { ++ran; })));
    go.open();
  }
  EXPECT_EQ(ran, 50);
}

TEST(OffloadPool, a_job_may_submit_another_while_the_pool_ends) {
  bool ran = false;
  gate go;
  job second{[&] { ran = true; }};
  auto pool = std::make_unique<offload_pool>(offload_options{.threads_max = 1});
  offload_pool* const raw = pool.get();
  job first{[&] {
    go.wait();
    EXPECT_TRUE(raw->submit(second));
  }};
  ASSERT_TRUE(pool->submit(first));
  go.open();
  pool.reset();
  EXPECT_TRUE(ran);
}

TEST(OffloadPool, a_job_may_free_itself) {
  counter done;
  struct heap_job : offload_job {
    std::unique_ptr<int> leak_checked = std::make_unique<int>(1);
    counter* done = nullptr;
  };
  offload_pool pool;
  for (int i = 0; i < 100; ++i) {
    auto* const j = new heap_job;
    j->done = &done;
    j->run = [](offload_job& self) noexcept {
      const std::unique_ptr<heap_job> owned{static_cast<heap_job*>(&self)};
      owned->done->add();
    };
    ASSERT_TRUE(pool.submit(*j));
  }
  done.wait_for(100);
}

TEST(OffloadPool, idle_threads_end_but_one) {
  gate last;
  counter arrived, done;
  std::deque<job> jobs, more;
  offload_pool pool{{.threads_max = 8, .idle = 1ms}};
  for (std::uint32_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(pool.submit(jobs.emplace_back([&] {
      arrived.add();
      last.wait();
    })));
  }
  arrived.wait_for(8);
  last.open();
  EXPECT_TRUE(eventually(pool, [](const auto& s) { return s.threads == 1 && s.idle == 1; }));
  // And the pool still works, and grows again.
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.submit(more.emplace_back([&] { done.add(); })));
  done.wait_for(100);
}

TEST(OffloadPool, idle_threads_stay_down_to_the_minimum) {
  gate last;
  counter arrived;
  std::deque<job> jobs;
  offload_pool pool{{.threads_min = 3, .threads_max = 6, .idle = 1ms}};
  for (std::uint32_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.submit(jobs.emplace_back([&] {
      arrived.add();
      last.wait();
    })));
  }
  arrived.wait_for(6);
  last.open();
  EXPECT_TRUE(eventually(pool, [](const auto& s) { return s.threads == 3 && s.idle == 3; }));
}

TEST(OffloadPool, its_threads_are_named_and_take_no_signals) {
  std::string name;
  sigset_t blocked;
  sigemptyset(&blocked);
  counter done;
  job look{[&] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof(text));
    name = text;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    done.add();
  }};
  offload_pool pool;
  ASSERT_TRUE(pool.submit(look));
  done.wait_for(1);
  EXPECT_EQ(name, "weft-offload");
  for (const int asynchronous : {SIGINT, SIGTERM, SIGHUP, SIGURG, SIGALRM, SIGCHLD, SIGUSR1}) {
    EXPECT_EQ(sigismember(&blocked, asynchronous), 1) << asynchronous;
  }
}

// Submitters, withdrawers and threads that come and go, all at once. Each job is run or withdrawn, never both
// or neither.
TEST(OffloadPool, survives_everything_at_once) {
  constexpr int submitters = 3, rounds = 2000;
  atomic<int> ran{0}, withdrawn{0}, refused{0};
  {
    offload_pool pool{{.threads_max = 4, .idle = 0ns, .queue_max = 8}};
    const auto submitter = [&] {
      for (int i = 0; i < rounds; ++i) {
        counter done;
        job j{[&] {
          ran.fetch_add(1);
          done.add();
        }};
        if (!pool.submit(j)) {
          refused.fetch_add(1);
        } else if (i % 3 == 0 && pool.withdraw(j)) {
          withdrawn.fetch_add(1);
        } else {
          done.wait_for(1);
        }
      }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < submitters; ++i) threads.emplace_back(submitter);
    for (std::thread& t : threads) t.join();
    const auto stats = pool.stats();
    EXPECT_EQ(stats.refused, static_cast<std::uint64_t>(refused.load()));
    EXPECT_EQ(stats.withdrawn, static_cast<std::uint64_t>(withdrawn.load()));
  }
  EXPECT_EQ(ran.load() + withdrawn.load() + refused.load(), submitters * rounds);
}

TEST(OffloadPool, may_end_at_once) {
  for (int i = 0; i < 200; ++i) offload_pool{};
}

}  // namespace

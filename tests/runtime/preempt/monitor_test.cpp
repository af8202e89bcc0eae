// The monitor over real workers: who holds one up is told, by name and with a backtrace, and what waits
// behind it goes elsewhere.
#include <weft/runtime/preempt/monitor.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/preempt/thread_activity.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <with_workers.hpp>

#include "busy.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;

options watched(unsigned workers) {
  options o = weft_test::with_workers(workers);
  o.stall = 50ms;
  return o;
}

// Computes until `enough`, or for ten seconds of its thread's time: false then.
template <class Enough>
[[gnu::noinline]] bool hog_until(Enough enough) {
  const double end = weft_test::cpu_seconds() + 10;
  std::uint64_t x = 1;
  while (!enough()) {
    for (int i = 0; i < 10; ++i) x = weft_test::compute(x);
    if (weft_test::cpu_seconds() > end) return false;
  }
  return true;
}

// What the error sink hears while the function runs that the report must name.
[[gnu::noinline]] std::string the_greedy_function() {
  std::string heard;
  hog_until([&] {
    for (const std::string& r : reports::take()) heard += r;
    return !heard.empty();
  });
  return heard;
}

struct totals {
  std::uint64_t signals = 0, stalls = 0, preemptions = 0;
};

totals totals_of(runtime& rt) {
  totals sum;
  for (const auto& w : rt.shared().workers()) {
    const detail::preempt_counters& c = w->preemption().counters;
    sum.signals += c.signals_sent.get();
    sum.stalls += c.stalls.get();
    sum.preemptions += c.preemptions.get();
  }
  return sum;
}

class Monitor : public weft_test::leak_check {
 protected:
  Monitor() { reports::clear(); }
};

TEST_F(Monitor, reports_a_hog_with_its_name_and_the_function_that_it_is_in) {
  if (WEFT_TSAN) GTEST_SKIP() << "ThreadSanitizer runs handlers later, elsewhere";
  std::string heard;
  // There is no backtrace of a thread that gets no processor for 50 ms, on a machine with more to do.
  for (int tries = 0; tries < 20 && heard.find("\n  at ") == std::string::npos; ++tries) {
    runtime rt{watched(1)};
    heard = rt.spawn([] { return the_greedy_function(); }, {.name = "greedy"}).join();
    EXPECT_EQ(totals_of(rt).stalls, 1u);
  }
  EXPECT_NE(heard.find("\"greedy\" (spawned at "), std::string::npos) << heard;
  EXPECT_NE(heard.find("monitor_test.cpp:"), std::string::npos) << heard;
  EXPECT_NE(heard.find("has held up worker 0 for "), std::string::npos) << heard;
  EXPECT_NE(heard.find("the_greedy_function"), std::string::npos) << heard;
}

TEST_F(Monitor, reports_one_stall_once) {
  runtime rt{watched(1)};
  const bool done =
      rt.spawn([&rt] {
          return hog_until([&] { return totals_of(rt).stalls != 0; }) &&
                 hog_until([end = weft_test::cpu_seconds() + 0.3] { return weft_test::cpu_seconds() > end; });
        }).join();
  EXPECT_TRUE(done);
  EXPECT_EQ(totals_of(rt).stalls, 1u);
  EXPECT_EQ(reports::with(reports::take(), "has held up"), 1u);
}

TEST_F(Monitor, names_the_system_call_that_a_fiber_blocks_in) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    options o = watched(2);
    o.stall = {};
    o.assert_may_block = true;
    runtime rt{o};
    auto blocked = rt.spawn(
        [&] {
          char byte = 0;
          return read(ends[0], &byte, 1);
        },
        {.name = "reader"});
    std::vector<std::string> heard;
    while (heard.empty()) {
      heard = reports::take();
      std::this_thread::sleep_for(1ms);  // real time: the fiber blocks its thread
    }
    EXPECT_EQ(reports::with(heard, "blocked in read"), 1u) << heard.front();
    EXPECT_EQ(reports::with(heard, "\"reader\""), 1u) << heard.front();
    EXPECT_EQ(totals_of(rt).signals, 0u) << "some system calls would end with EINTR";
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    EXPECT_EQ(blocked.join(), 1);
  }
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Monitor, takes_a_cut_of_the_batch_for_no_move) {
  runtime rt{watched(1)};
  rt.block_on([] {
    detail::worker& here = *detail::worker::current();
    const int before = here.budget();
    here.cut_batch();
    EXPECT_EQ(here.budget(), before);
    this_fiber::yield();
  });
}

// Its batch ends all the same: who became ready later than others of it waits no longer than they do.
TEST_F(Monitor, sends_no_signal_to_who_is_in_no_region) {
  runtime rt{weft_test::with_workers(1)};
  const bool cut =
      rt.spawn([] {
          detail::worker& here = *detail::worker::current();
          const std::uint64_t before = here.passes();
          auto other = spawn([&] { return here.passes() != before; });
          hog_until([end = weft_test::cpu_seconds() + 0.1] { return weft_test::cpu_seconds() > end; });
          return other.join();
        }).join();
  EXPECT_TRUE(cut);
  EXPECT_EQ(totals_of(rt).signals, 0u);
}

// Without a descriptor for /proc it would take who sleeps in a system call for one that computes.
TEST_F(Monitor, interrupts_no_system_call_though_no_descriptor_is_left) {
  runtime rt{watched(1)};
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  int interrupted = 0;
  rt.block_on([&] {
    const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 3; ++i) {
      this_fiber::yield();
      for (const double end = weft_test::cpu_seconds() + 0.045; weft_test::cpu_seconds() < end;) {}
      interrupted += poll(nullptr, 0, 100) != 0;  // real time: a stall
    }
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  });
  EXPECT_EQ(interrupted, 0);
}

TEST_F(Monitor, names_who_suspends_with_a_std_mutex_held) {
#if !defined(WEFT_WATCHES_MUTEXES)
  GTEST_SKIP() << "only debug builds see it";
#endif
  options o = weft_test::with_workers(1);
  o.assert_may_block = true;
  {
    runtime rt{o};
    rt.block_on([] {
      std::mutex held;
      const std::lock_guard in_time{held};
      this_fiber::yield();  // alone: nothing is suspended
    });
    EXPECT_EQ(reports::with(reports::take(), "std::mutex"), 0u);
    rt.spawn(
          [] {
            std::mutex first, second;
            { const std::lock_guard released{first}; }
            const std::scoped_lock held{first, second};
            this_fiber::sleep_for(1ms);
          },
          {.name = "holder"})
        .join();
    rt.block_on([] { this_fiber::sleep_for(1ms); });
  }
  const std::vector<std::string> heard = reports::take();
  ASSERT_EQ(reports::with(heard, "std::mutex"), 1u);
  EXPECT_EQ(reports::with(heard, "\"holder\""), 1u) << heard.front();
  EXPECT_EQ(reports::with(heard, "suspends while it holds 2 of std::mutex"), 1u) << heard.front();
  EXPECT_EQ(reports::with(heard, "locked at "), 1u) << heard.front();
}

// The monitor looks first, but the call may begin between its look and its signal.
TEST_F(Monitor, a_system_call_that_its_signal_hits_goes_on) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "its first argument is lost";
#endif
  if (WEFT_TSAN) GTEST_SKIP() << "ThreadSanitizer's handler runs ours later, elsewhere";
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int set = epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  ASSERT_EQ(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &wanted), 0);
  const std::pair<const char*, std::function<int()>> calls[]{
      {"poll",
       [&] {
         pollfd one{.fd = ends[0], .events = POLLIN, .revents = 0};
         return ::poll(&one, 1, 60'000);
       }},
      {"select",
       [&] {
         fd_set all;
         FD_ZERO(&all);
         FD_SET(ends[0], &all);
         timeval limit{.tv_sec = 60, .tv_usec = 0};
         return ::select(ends[0] + 1, &all, nullptr, nullptr, &limit);
       }},
      {"epoll_wait",
       [&] {
         epoll_event one{};
         return ::epoll_wait(set, &one, 1, 60'000);
       }},
      {"nanosleep", [] {
         timespec time{.tv_sec = 0, .tv_nsec = 300'000'000};
         return ::nanosleep(&time, nullptr) == 0 ? 1 : -1;
       }}};
  for (const auto& [name, call] : calls) {
    options o = weft_test::with_workers(1);
    o.stall = 1min;
    runtime rt{o};
    detail::preempt_state& state = rt.shared().workers()[0]->preemption();
    auto caller = rt.spawn([&f = call] { return f() == 1 ? 0 : errno; });
    for (int i = 0; i < 3; ++i) {
      while (!detail::sleeps_in_kernel(state.thread, state.tid)) std::this_thread::sleep_for(1ms);
      state.asked.fetch_or(detail::preempt_state::ask_snapshot);
      pthread_kill(state.thread, rt.shared().preempt_signal());
      while (state.asked.load() != 0) std::this_thread::yield();
    }
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    EXPECT_EQ(caller.join(), 0) << name;
    char byte = 0;
    ASSERT_EQ(read(ends[0], &byte, 1), 1);
  }
  for (const int fd : {ends[0], ends[1], set}) close(fd);
}

TEST_F(Monitor, reports_what_runs_on_the_thread_stack) {
  if (WEFT_TSAN) GTEST_SKIP() << "ThreadSanitizer runs handlers later, elsewhere";
  runtime rt{watched(1)};
  const std::string heard = rt.spawn([] { return on_thread_stack(the_greedy_function); }).join();
  EXPECT_NE(heard.find("a call on the thread's stack, has held up worker 0"), std::string::npos) << heard;
  EXPECT_NE(heard.find("the_greedy_function"), std::string::npos) << heard;
}

// What was spawned behind a hog, by itself and from outside, runs on the other worker.
TEST_F(Monitor, what_waits_behind_a_hog_is_taken_over) {
  runtime rt{watched(2)};
  constexpr int spawned = 8;
  std::atomic<int> ran{0};
  std::atomic<bool> hogging{false}, late{false};
  auto hog = rt.spawn([&] {
    for (int i = 0; i < spawned; ++i) go([&] { ran.fetch_add(1); });
    hogging.store(true);
    late.store(!hog_until([&] { return ran.load() == 2 * spawned; }));
  });
  while (!hogging.load()) std::this_thread::yield();
  for (int i = 0; i < spawned; ++i) rt.go([&] { ran.fetch_add(1); });
  hog.join();
  EXPECT_FALSE(late.load()) << ran.load();
}

// The same when the other worker never runs out of work: it does not come to steal.
TEST_F(Monitor, what_waits_behind_a_hog_is_taken_over_by_a_busy_worker) {
  runtime rt{watched(2)};
  constexpr int spawned = 8;
  std::atomic<int> ran{0};
  std::atomic<bool> over{false};
  std::vector<task<void>> busy;
  for (int i = 0; i < 2; ++i)
    busy.push_back(rt.spawn(
        [&] {
          while (!over.load()) this_fiber::yield();
        },
        {.worker = 1}));
  auto hog = rt.spawn(
      [&] {
        for (int i = 0; i < spawned; ++i) go([&] { ran.fetch_add(1); });
        return hog_until([&] { return ran.load() == spawned; });
      },
      {.worker = 0});
  EXPECT_TRUE(hog.join());
  over.store(true);
  for (auto& t : busy) t.join();
}

struct counting_stand_in : detail::stand_in {
  std::array<std::atomic<unsigned>, 3> calls{};  // for each worker that was to do it

  counting_stand_in() noexcept {
    step_in = [](stand_in& self, detail::scheduler&, unsigned other) noexcept {
      static_cast<counting_stand_in&>(self).calls.at(other).fetch_add(1);
    };
  }
};

// Of the other two one is held up as well: after a tick or two the monitor knows, and passes it by.
TEST_F(Monitor, nothing_is_taken_over_by_a_worker_that_is_held_up_itself) {
  runtime rt{watched(3)};
  counting_stand_in work;
  std::atomic<bool> over{false};
  std::vector<task<void>> all;
  for (int i = 0; i < 2; ++i)
    all.push_back(rt.spawn(
        [&] {
          while (!over.load()) this_fiber::yield();
        },
        {.worker = 2}));
  all.push_back(rt.spawn([&] { hog_until([&] { return over.load(); }); }, {.worker = 1}));
  all.push_back(rt.spawn(
      [&] {
        detail::stand_ins& here = detail::worker::current()->standing_in();
        here.add(work);
        hog_until([&] { return work.calls[2].load() >= 3 || work.calls[1].load() >= 30; });
        here.remove(work);
        over.store(true);
      },
      {.worker = 0}));
  for (auto& t : all) t.join();
  EXPECT_GE(work.calls[2].load(), 3u) << "the other had it " << work.calls[1].load() << " times";
}

// Arrivals, when the hog begins while they lie in its worker's inbox: nobody but the monitor can see them.
TEST_F(Monitor, arrivals_of_a_worker_that_calls_on_its_thread_stack_are_taken_over) {
  runtime rt{watched(2)};
  std::atomic<int> ran{0};
  std::atomic<bool> hogging{false}, late{false};
  auto hog = rt.spawn([&] {
    on_thread_stack([&] {
      hogging.store(true);
      late.store(!hog_until([&] { return ran.load() == 20; }));
    });
  });
  while (!hogging.load()) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) rt.go([&] { ran.fetch_add(1); });
  hog.join();
  EXPECT_FALSE(late.load()) << ran.load();
}

TEST_F(Monitor, sends_no_signal_where_nobody_hogs) {
  runtime rt{watched(2)};
  const std::uint64_t before = rt.shared().watcher()->ticks();
  rt.block_on([&] {
    channel<int> numbers{4};
    auto sender = spawn([&] {
      while (rt.shared().watcher()->ticks() < before + 20 && numbers.send(1)) this_fiber::yield();
      numbers.close();
    });
    auto yielder = spawn([&] {
      while (rt.shared().watcher()->ticks() < before + 20) this_fiber::yield();
    });
    while (numbers.recv()) {}
    sender.join();
    yielder.join();
  });
  EXPECT_EQ(totals_of(rt).signals, 0u);
  EXPECT_EQ(totals_of(rt).stalls, 0u);
}

TEST_F(Monitor, sleeps_while_the_workers_do) {
  runtime rt{watched(2)};
  rt.block_on([] { this_fiber::yield(); });
  const detail::monitor& watcher = *rt.shared().watcher();
  const auto stands_still = [&] {
    const std::uint64_t before = watcher.ticks();
    std::this_thread::sleep_for(100ms);  // real time: ten ticks
    return watcher.ticks() == before;
  };
  bool asleep = false;
  for (int i = 0; i < 100 && !asleep; ++i) asleep = stands_still();
  EXPECT_TRUE(asleep);
  const std::uint64_t before = watcher.ticks();
  rt.block_on([&] { return hog_until([&] { return watcher.ticks() > before + 2; }); });
  EXPECT_GT(watcher.ticks(), before) << "it must wake with them";
}

TEST_F(Monitor, is_not_there_if_there_is_nothing_to_watch_for) {
  options o = weft_test::with_workers(1);
  o.slice = o.stall = {};
  runtime rt{o};
  EXPECT_EQ(rt.shared().watcher(), nullptr);
  EXPECT_EQ(rt.shared().preempt_signal(), 0);
}

TEST_F(Monitor, without_a_signal_it_reports_without_a_backtrace) {
  options o = watched(1);
  o.preempt_signal = 0;
  runtime rt{o};
  const std::string heard = rt.spawn([] { return the_greedy_function(); }, {.name = "greedy"}).join();
  EXPECT_NE(heard.find("\"greedy\""), std::string::npos) << heard;
  EXPECT_EQ(heard.find("the_greedy_function"), std::string::npos) << heard;
  EXPECT_EQ(totals_of(rt).signals, 0u);
}

constinit std::atomic<int> signals_of_others{0};

// A signal that weft did not send is its owner's.
TEST_F(Monitor, hands_on_what_it_has_not_sent) {
  struct sigaction mine{}, before{};
  mine.sa_handler = [](int) { signals_of_others.fetch_add(1); };
  ASSERT_EQ(sigaction(SIGURG, &mine, &before), 0);
  {
    runtime rt{watched(1)};
    raise(SIGURG);
    rt.block_on([] { raise(SIGURG); });
    EXPECT_EQ(signals_of_others.load(), 2);
  }
  struct sigaction after{};
  ASSERT_EQ(sigaction(SIGURG, &before, &after), 0);
  EXPECT_EQ(after.sa_handler, mine.sa_handler) << "it puts back what was there";
}

}  // namespace
}  // namespace weft

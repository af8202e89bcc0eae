// options: the environment, the ranges, and that each preset behaves otherwise than the default.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <leak_check.hpp>
#include <smallest_stack.hpp>
#include <weft/runtime/cpus.hpp>
#include <weft/runtime/options.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

const char* const variables[] = {
    "WEFT_WORKERS",       "WEFT_PIN",        "WEFT_FIBERS_MAX",  "WEFT_BACKEND",
    "WEFT_QUEUE_DEPTH",   "WEFT_SPIN_US",    "WEFT_STACKS_WARM", "WEFT_BLOCKING_THREADS_MAX",
    "WEFT_ASLEEP_REPORT", "WEFT_FIBER_TIMES"};

// Begins without any of weft's variables, and puts back what was set.
class Options : public weft_test::leak_check {
 protected:
  Options() {
    for (const char* const v : variables) {
      if (const char* const text = std::getenv(v)) before_[v] = text;
      unsetenv(v);
    }
  }
  ~Options() override {
    for (const char* const v : variables) {
      if (const auto was = before_.find(v); was != before_.end()) setenv(v, was->second.c_str(), 1);
      else unsetenv(v);
    }
  }

 private:
  std::map<std::string, std::string> before_;
};

TEST_F(Options, an_empty_environment_changes_nothing) {
  for (const options& base : {options{}, options::for_server(), options::low_latency()}) {
    const options o = options::from_env(base).value();
    EXPECT_EQ(o.workers, base.workers);
    EXPECT_EQ(o.pin, base.pin);
    EXPECT_EQ(o.memory, base.memory);
    EXPECT_EQ(o.fibers_max, base.fibers_max);
    EXPECT_EQ(o.backend, base.backend);
    EXPECT_EQ(o.queue_depth, base.queue_depth);
    EXPECT_EQ(o.spin, base.spin);
    EXPECT_EQ(o.stacks_warm, base.stacks_warm);
  }
  setenv("WEFT_WORKERS", "", 1);  // as unset
  EXPECT_TRUE(options::from_env());
}

TEST_F(Options, each_variable_sets_its_field) {
  setenv("WEFT_WORKERS", "3", 1);
  setenv("WEFT_PIN", "1", 1);
  setenv("WEFT_MEMORY", "adaptive", 1);
  setenv("WEFT_FIBERS_MAX", "1000", 1);
  setenv("WEFT_BACKEND", "epoll", 1);
  setenv("WEFT_QUEUE_DEPTH", "64", 1);
  setenv("WEFT_SPIN_US", "7", 1);
  setenv("WEFT_STACKS_WARM", "0", 1);
  setenv("WEFT_BLOCKING_THREADS_MAX", "5", 1);
  setenv("WEFT_ASLEEP_REPORT", "1", 1);
  setenv("WEFT_FIBER_TIMES", "1", 1);
  const options o = options::from_env().value();
  EXPECT_EQ(o.workers, 3u);
  EXPECT_TRUE(o.pin);
  EXPECT_EQ(o.memory, memory_strategy::adaptive);
  EXPECT_EQ(o.fibers_max, 1000u);
  EXPECT_EQ(o.backend, io_backend::epoll);
  EXPECT_EQ(o.queue_depth, 64u);
  EXPECT_EQ(o.spin, 7us);
  EXPECT_EQ(o.blocking_threads_max, 5u);
  EXPECT_TRUE(o.asleep_report);
  EXPECT_TRUE(o.fiber_times);
  EXPECT_EQ(o.stacks_warm, 0u);
  setenv("WEFT_PIN", "0", 1);
  EXPECT_FALSE(options::from_env(options::optimal()).value().pin);
  setenv("WEFT_BACKEND", "uring", 1);
  EXPECT_EQ(options::from_env().value().backend, io_backend::uring);
}

TEST_F(Options, what_cannot_be_read_is_an_error_and_one_line_that_names_it) {
  const std::pair<const char*, const char*> bad[] = {
      {"WEFT_WORKERS", "many"},
      {"WEFT_WORKERS", "-1"},
      {"WEFT_WORKERS", "1025"},
      {"WEFT_WORKERS", "2 "},
      {"WEFT_PIN", "yes"},
      {"WEFT_MEMORY", "numa"},
      {"WEFT_FIBERS_MAX", "1e6"},
      {"WEFT_BACKEND", "kqueue"},
      {"WEFT_QUEUE_DEPTH", "7"},
      {"WEFT_QUEUE_DEPTH", "0x40"},
      {"WEFT_SPIN_US", "1000001"},
      {"WEFT_STACKS_WARM", "99999999999999999999999"},
      {"WEFT_BLOCKING_THREADS_MAX", "0"},
      {"WEFT_ASLEEP_REPORT", "maybe"},
  };
  for (const auto& [variable, text] : bad) {
    setenv(variable, text, 1);
    testing::internal::CaptureStderr();
    const auto got = options::from_env();
    const std::string said = testing::internal::GetCapturedStderr();
    ASSERT_FALSE(got) << variable << "=" << text;
    EXPECT_EQ(got.error(), std::errc::invalid_argument);
    EXPECT_EQ(said.find(std::string{"weft: "} + variable + "=" + text + ": "), 0u) << said;
    EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    unsetenv(variable);
  }
}

TEST_F(Options, validate_knows_the_ranges) {
  const auto with = [](auto member, auto value) {
    options o;
    o.*member = value;
    return o.validate().has_value();
  };
  EXPECT_TRUE(options{}.validate());
  EXPECT_TRUE(with(&options::workers, 1024u));
  EXPECT_FALSE(with(&options::workers, 1025u));
  EXPECT_TRUE(with(&options::queue_depth, 8u));
  EXPECT_FALSE(with(&options::queue_depth, 7u));
  EXPECT_TRUE(with(&options::queue_depth, 32'768u));
  EXPECT_FALSE(with(&options::queue_depth, 32'769u));
  EXPECT_FALSE(with(&options::spin, std::chrono::nanoseconds{-1}));
  EXPECT_TRUE(with(&options::spin, std::chrono::nanoseconds{1s}));
  EXPECT_FALSE(with(&options::spin, std::chrono::nanoseconds{1s} + 1ns));
  EXPECT_FALSE(with(&options::blocking_threads_max, std::size_t{0}));
  EXPECT_FALSE(with(&options::blocking_threads_min, std::size_t{65}));
  EXPECT_FALSE(with(&options::blocking_queue_max, std::size_t{0}));
  EXPECT_FALSE(with(&options::blocking_idle, std::chrono::nanoseconds{-1}));
  for (const auto period : {&options::slice, &options::stall}) {
    EXPECT_TRUE(with(period, std::chrono::nanoseconds{0}));
    EXPECT_TRUE(with(period, std::chrono::nanoseconds{100us}));
    EXPECT_FALSE(with(period, std::chrono::nanoseconds{100us} - 1ns));
    EXPECT_TRUE(with(period, std::chrono::nanoseconds{1min}));
    EXPECT_FALSE(with(period, std::chrono::nanoseconds{1min} + 1ns));
  }
  EXPECT_TRUE(with(&options::preempt_signal, 0));
  EXPECT_TRUE(with(&options::preempt_signal, SIGUSR1));
  EXPECT_FALSE(with(&options::preempt_signal, -1));
  EXPECT_FALSE(with(&options::preempt_signal, SIGKILL));
  EXPECT_FALSE(with(&options::preempt_signal, SIGSEGV));
  EXPECT_FALSE(with(&options::preempt_signal, SIGRTMAX + 1));
  EXPECT_TRUE(with(&options::preempt_signal, SIGRTMIN));
  EXPECT_FALSE(with(&options::preempt_signal, SIGRTMIN - 1)) << "the C library's own";
  for (const options& o : {options::optimal(), options::for_server(), options::for_cli(),
                           options::for_embedded(), options::low_latency()})
    EXPECT_TRUE(o.validate());
}

// --- presets, by what they do

int cpus_of_a_worker(const options& o) {
  return run(
      [] {
        cpu_set_t set;
        return pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
      },
      o);
}

TEST_F(Options, optimal_and_low_latency_bind_their_workers) {
  EXPECT_EQ(cpus_of_a_worker(options::optimal()), 1);
  EXPECT_EQ(cpus_of_a_worker(options::low_latency()), 1);
  EXPECT_EQ(cpus_of_a_worker(options{}), static_cast<int>(detail::affinity_cpus()));
}

/// How often a worker sleeps while its only fiber waits a hundred times.
std::uint64_t sleeps_while_waiting(options o, std::chrono::microseconds each) {
  o.workers = 1;
  return run(
      [each] {
        const std::uint64_t before = detail::worker::current()->counters().sleeps;
        for (int i = 0; i < 100; ++i) this_fiber::sleep_for(each);  // real time: spinning is about it
        return detail::worker::current()->counters().sleeps - before;
      },
      o);
}

TEST_F(Options, low_latency_spins_where_the_default_sleeps) {
  const std::uint64_t by_default = sleeps_while_waiting({}, 300us);
  EXPECT_GE(by_default, 50u);
  EXPECT_LT(sleeps_while_waiting(options::low_latency(), 300us), by_default / 2);
}

TEST_F(Options, for_cli_and_for_embedded_do_not_spin) {
  for (options o : {options::for_cli(), options::for_embedded()}) {
    EXPECT_EQ(o.spin, 0ns);
    EXPECT_GE(sleeps_while_waiting(o, 20us), 50u);
  }
}

TEST_F(Options, for_embedded_has_one_worker_and_installs_no_handler) {
  struct sigaction before{}, during{};
  sigaction(SIGSEGV, nullptr, &before);
  {
    runtime rt{options::for_embedded()};
    EXPECT_EQ(rt.workers(), 1u);
    sigaction(SIGSEGV, nullptr, &during);
  }
  EXPECT_EQ(during.sa_sigaction, before.sa_sigaction);
}

TEST_F(Options, for_cli_has_a_worker_for_each_cpu_and_four_at_most) {
  for (const auto& [cpus, workers] : {std::pair{1u, 1u}, {3u, 3u}, {4u, 4u}, {5u, 4u}, {1024u, 4u}})
    EXPECT_EQ(detail::cli_workers(cpus), workers);
  EXPECT_EQ(runtime{options::for_cli()}.workers(), detail::cli_workers(detail::usable_cpus()));
}

/// Stacks that keep their pages after a burst of `fibers`, once the idle worker has trimmed.
std::size_t warm_after_a_burst(options o, int fibers) {
  o.workers = 1;
  runtime rt{o};
  rt.block_on([&] {
    std::vector<task<void>> tasks;
    for (int i = 0; i < fibers; ++i)
      tasks.push_back(spawn([] { this_fiber::yield(); }, {.stack = weft_test::smallest_stack}));
    for (task<void>& t : tasks) t.join();
  });
  std::size_t warm = 0;
  for (int i = 0; i < 3000; ++i) {  // real time: trimming begins after 100 ms without work
    const std::size_t now = rt.shared().stacks().count().warm;
    if (i > 300 && now == warm) break;
    warm = now;
    std::this_thread::sleep_for(1ms);
  }
  return warm;
}

TEST_F(Options, presets_keep_as_many_stacks_warm_as_they_say) {
  const std::size_t normal = warm_after_a_burst({}, 2000);
  EXPECT_NEAR(static_cast<double>(normal), 500, 100);
  EXPECT_LT(warm_after_a_burst(options::for_embedded(), 2000), 100u);
  EXPECT_GT(warm_after_a_burst(options::for_server(), 2000), 1500u);
}

}  // namespace
}  // namespace weft

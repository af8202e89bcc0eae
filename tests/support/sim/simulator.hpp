// The scheduler behind a simulated world: its threads, its virtual clock, and the decision before each step.
//
// Every simulated thread is a coroutine; thread 0 is the test itself, which is never preempted: it runs alone
// until it waits (run(), advance(), a futex, a join), so a test may look at anything it likes in between.
// Whoever blocks or is preempted chooses the next thread and switches straight to it; there is no scheduler
// stack.
//
// Time stands still while a thread can run. When none can, it jumps to the earliest deadline; when all that
// run are pausing (an idle spin bounded by the clock), it moves by pause_ns. Nothing that can run and nothing
// that is timed: a deadlock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <sim/coroutine.hpp>
#include <sim/random.hpp>
#include <sim/step.hpp>
#include <sim/strategy.hpp>

namespace weft::detail {

/// What a world may be asked to do beside interleaving.
struct simulator_options {
  /// Steps after which a run counts as a livelock.
  std::uint64_t steps_max = 2'000'000;
  /// Seeded: once in this many steps the clock jumps to the next deadline though threads could run, as if all
  /// of them were slow. 0: never.
  std::uint64_t slowness = 0;
  /// Real time after which a seed that has not ended counts as one that hangs: it sleeps in the kernel, say.
  unsigned hang_seconds = 30;
  /// Workers of the runtime that spawn() makes.
  unsigned workers = 1;
  /// Its options.fibers_max.
  std::size_t fibers_max = 0;
};

struct simulated_thread {
  enum class status : std::uint8_t { ready, blocked, ended };

  static constexpr std::size_t swapped_max = 256;

  unsigned id = 0;
  std::string name;
  std::move_only_function<void()> body;
  bool background = false;  // made by the library: run() does not wait for its end
  status state = status::ready;
  bool paused = false;     // since the clock last moved
  bool timed_out = false;  // how its last wait ended
  std::size_t ready_index = 0;
  std::int64_t priority = 0;
  const volatile void* waits_for = nullptr;  // while blocked
  std::int64_t wake_at = 0;                  // while blocked

  step_kind last_kind = step_kind::start;
  const volatile void* last_address = nullptr;
  std::source_location last_site;

  coroutine* stack = nullptr;
  int saved_errno = 0;
  void* saved_exceptions[2]{};
  alignas(16) std::byte swapped[swapped_max]{};
};

struct simulator {
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t pause_ns = 500;
  static constexpr std::int64_t slow_jump_max_ns =
      10'000'000;                                         // nobody is slower than that: below any watchdog
  static constexpr std::int64_t timer_tick_ns = 1 << 16;  // how late the timer wheel may be

  simulator(std::uint64_t seed, simulator_options options);
  simulator(const simulator&) = delete;
  simulator& operator=(const simulator&) = delete;
  ~simulator();

  simulated_thread& start(std::string_view name, std::move_only_function<void()> body, bool background);

  step_verdict decide(step_kind kind, const volatile void* address,
                      const std::source_location& site) noexcept;

  void decide_again() noexcept;

  /// Suspends the running thread until wake(word) or `at`. False: the time came first.
  bool block(const volatile void* word, std::int64_t at);

  /// Wakes up to `count` threads that block on `word`, in any order; returns how many.
  int wake(const volatile void* word, int count) noexcept;

  /// Runs the others until every thread that is not in the background has ended. The test's thread only.
  void run();

  /// Runs the others until none can go on before `until`, or within a timer tick after it; then it is at
  /// least `until`. The test's thread only.
  void run_until(std::int64_t until);

  std::size_t unfinished() const noexcept { return foreground; }

  /// Ends the world: reports and leaves. Called on any simulated thread.
  [[noreturn]] void fail(std::string what);

  void switch_to(simulated_thread& next);
  void make_ready(simulated_thread& t) noexcept;
  void make_unready(simulated_thread& t) noexcept;
  simulated_thread& next_thread();
  bool let_time_pass() noexcept;
  void pass_pauses() noexcept;
  void jump_to(std::int64_t at) noexcept;
  std::int64_t earliest_deadline() const noexcept;
  std::string describe_threads() const;
  void wait_in_test();
  static void thread_main(void* argument);
  static void run_body(simulated_thread& t);

  const std::uint64_t seed;
  const simulator_options options;
  random_source random;
  weft::detail::strategy strategy;
  bool spurious;  // whether weak operations fail for no reason in this world
  std::int64_t now = 1'000'000'000;
  std::uint64_t steps = 0;
  std::size_t foreground = 0;  // threads that run() waits for
  std::vector<std::unique_ptr<simulated_thread>> threads;
  std::vector<simulated_thread*> ready;
  simulated_thread* current = nullptr;
  coroutine test_stack;

  enum class test_wait : std::uint8_t { none, all_ended, time };
  test_wait test_waits = test_wait::none;
  std::int64_t test_until = 0;
  std::string failure;  // why the world has ended
};

/// Memory that belongs to each simulated thread, as a thread_local would: zero when a thread begins, swapped
/// at every switch. At most simulated_thread::swapped_max bytes in all.
struct thread_memory {
  void* memory;
  std::size_t size;
  void (*leave)() noexcept;  // the running thread, whose memory it is, ends; may be null
};

void swap_with_thread(const thread_memory& m) noexcept;

}  // namespace weft::detail

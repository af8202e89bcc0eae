// How a runtime is to be set up. Every field has a safe default; 0 means automatic.
#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <string_view>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/memory_strategy.hpp>
#include <weft/runtime/poller.hpp>

namespace weft {

namespace detail {
bool built_for_debugging() noexcept;
}

using io_backend = detail::backend;

struct options {
  /// Worker threads, 1 to 1024. 0: one per CPU that this process may use (affinity and cgroup limit
  /// respected).
  unsigned workers = 0;
  /// Binds each worker to a CPU of its own, in turn, of those that the process may use. The error sink hears
  /// if the kernel does not do that, or if there are more workers than CPUs. A std::thread that a fiber
  /// starts inherits that CPU; blocking() and processes do not.
  bool pin = false;
  /// Where stacks lie on a machine with several NUMA nodes, and how many are kept.
  memory_strategy memory = memory_strategy::pooled;
  /// Live fibers beyond which spawn() and go() wait and try_spawn() fails. 0: no limit.
  std::size_t fibers_max = 0;
  /// How the kernel is asked: io_uring where it works, else epoll. WEFT_BACKEND overrides it.
  io_backend backend = io_backend::automatic;
  /// Operations that a worker queues before a system call; rounded up to a power of two, 8 to 32768.
  unsigned queue_depth = 512;
  /// How long, at most, an idle worker looks for work before it sleeps; less where that does not pay. The
  /// default is about the processor time that going to sleep and being woken take: who spins no longer than
  /// that never spends more than twice what was needed (the ski rental rule). low_latency() spins longer.
  std::chrono::nanoseconds spin = std::chrono::microseconds{20};
  /// Stacks and control blocks that idle trimming leaves in memory, in all.
  std::size_t stacks_warm = 500;
  /// Threads that run what may block: blocking() and, where the ring cannot, files. So many are kept though
  /// idle (one always is); no more are started; an idle one ends after that time; so many calls may wait for
  /// one, and the next fails with errc::limit.
  std::size_t blocking_threads_min = 0;
  std::size_t blocking_threads_max = 64;
  std::chrono::nanoseconds blocking_idle = std::chrono::seconds{10};
  std::size_t blocking_queue_max = 65'536;
  /// Reports a stack overflow by fiber and spawn site before the process dies (installs a SIGSEGV handler).
  bool overflow_report = true;
  /// Tells the error sink when all fibers are asleep: nothing can run and no timer or I/O is pending, for a
  /// second, while at least one waits at a primitive, or fibers wait in a circle. Once. A foreign thread that
  /// will wake one must have woken one there before, have waited there, wait anywhere, hold what is waited
  /// for, or say so: external_work. By default only if weft was built for debugging.
  bool asleep_report = detail::built_for_debugging();
  /// How long a fiber may run before others come first. One that computes on is switched out if it is in a
  /// preemptible() region; elsewhere it goes on, but what waits behind it and has not started is taken over
  /// by other workers. 100 us to a minute; 0: never.
  std::chrono::nanoseconds slice = std::chrono::milliseconds{10};
  /// How long a fiber may keep its worker before the error sink hears of it, with its backtrace; at most one
  /// report a second. 100 us to a minute; 0: it never does.
  std::chrono::nanoseconds stall = std::chrono::milliseconds{100};
  /// What a worker that is held up gets, while the runtime lives; a handler that was there before is called
  /// for all that weft has not sent. Install none later but with SA_ONSTACK. 0: none, so no preemption and no
  /// backtraces.
  int preempt_signal = SIGURG;
  /// Tells the error sink of a fiber that sleeps in a system call, and of which, as soon as the monitor sees
  /// it (every slice); in a debug build that is linked with weft's link arguments (weft.pc, the meson
  /// dependency) also of one that suspends while it holds a std::mutex. For debugging.
  bool assert_may_block = false;
  /// Prints all fibers to stderr when SIGQUIT comes (Ctrl-\), as dump_fibers() does, and goes on. A handler
  /// of the program is not called while a runtime with this option runs.
  bool dump_on_sigquit = false;
  /// Tells the error sink which fibers are still there when runtime::stop(), run() or the destructor begins
  /// to stop them: with spawn sites, what they wait for, and where. Not if request_stop() came before.
  bool leak_report = false;
  /// Keeps how long each fiber has run, and when it began: list_fibers(), weft-top. Each switch then costs
  /// about 40 ns more, for a look at the clock.
  bool fiber_times = false;
  /// Counts how much stack the fibers of each spawn site use: stack_census(). For trials, since each fiber
  /// then costs about 3 us more. A file to write the result to when the runtime has ended; null: none.
  bool stack_census = false;
  const char* stack_census_file = nullptr;
  /// Hears of failures that nobody joined, and of what is not as good as it could be. Called on a thread's
  /// own stack, never a fiber's: by a worker, by the one that watches them, by the thread that starts or
  /// stops the runtime, by any that drops a task. One call at a time, under a lock: it may allocate, write
  /// and take short locks of its own, but must not throw, suspend, or do what reports again; while it blocks,
  /// so does its worker. nullptr: writes a line to stderr.
  void (*error_sink)(std::string_view report) = nullptr;
  /// Ends the process (std::terminate) when an exception leaves a fiber that nobody joins, after it was
  /// reported.
  bool terminate_on_exception = false;

  /// What suits most programs that own their machine: pinned workers.
  static options optimal();
  /// Many connections that come and go: keeps more stacks warm, and deeper queues.
  static options for_server();
  /// A command that shares its machine: few workers, no spinning.
  static options for_cli();
  /// One worker, small queues, little kept: a guest in another program.
  static options for_embedded();
  /// Spins long before it sleeps, pinned: spends CPU time for latency.
  static options low_latency();

  /// `base`, overridden by WEFT_WORKERS, WEFT_PIN, WEFT_MEMORY (pooled, numa_aware or adaptive),
  /// WEFT_FIBERS_MAX, WEFT_BACKEND, WEFT_QUEUE_DEPTH, WEFT_SPIN_US, WEFT_STACKS_WARM,
  /// WEFT_BLOCKING_THREADS_MAX, WEFT_ASLEEP_REPORT, WEFT_DUMP_ON_SIGQUIT, WEFT_LEAK_REPORT,
  /// WEFT_FIBER_TIMES and WEFT_STACK_CENSUS (a file, which also takes the census). Errors: invalid_argument
  /// if one cannot be read, and a line to stderr that names it.
  [[nodiscard]] static result<options> from_env();
  [[nodiscard]] static result<options> from_env(options base);

  /// Errors: invalid_argument if a field is out of its range.
  [[nodiscard]] result<void> validate() const;
};

}  // namespace weft

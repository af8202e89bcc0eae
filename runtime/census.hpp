// Finds out that all fibers are asleep: nothing can run, no timer and no I/O is pending, and still fibers
// wait for each other. That is told to the error sink once, with what each of them waits for.
//
// A worker for which nothing has run for a second, and that waits for nothing but messages, is counted
// before it sleeps, and no longer counted before it does anything else. The last one to be counted looks at
// the fibers of all: the others stand still meanwhile, because who wakes up needs lock_ to be discounted.
// What may still come from outside makes it look again later: a job of the offload pool, an external_work
// guard, and a foreign thread that waits at a primitive, that has woken a fiber before, or that is known to
// have what a fiber waits for: it holds the mutex, or the shared_mutex alone, or runs the call_once. Of one
// that is about to wake a fiber for the first time in another way (it shares the shared_mutex, it will set
// the event) nothing is known: external_work says so.
//
// A circle of waits is named if there is one of such links: who holds a mutex, or a shared_mutex alone, who
// runs a call_once, and whom task::join() waits for. Whose end a nursery or a join_set waits for is not
// followed; and fibers that wait for nothing but ends are told of only if they are in such a circle.
//
// Only workers that are about to sleep come here, and only if options.asleep_report is on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

class scheduler;
class worker;
struct fiber;

class census {
 public:
  /// How long a worker must have been idle to be counted.
  static constexpr std::int64_t idle_ns = 1'000'000'000;

  explicit census(scheduler& of, bool on) noexcept : of_{of}, on_{on} {}
  census(const census&) = delete;
  census& operator=(const census&) = delete;

  /// Whether there is anything to find out: it is wanted, and has not been found yet.
  bool on() const noexcept { return on_.load(std::memory_order_relaxed); }

  /// Counts a worker that has announced its sleep to its inbox. True: it should look again after idle_ns.
  bool enter() noexcept;

  /// It wakes up.
  void leave() noexcept;

  /// While there is outside work, somebody else may wake a fiber.
  void outside_work_begins() noexcept { outside_.fetch_add(1, std::memory_order_relaxed); }
  void outside_work_ends() noexcept { outside_.fetch_sub(1, std::memory_order_relaxed); }

  /// A foreign thread has woken a fiber, and so may do that again.
  void woken_from_outside() noexcept {
    if (!woken_from_outside_.load(std::memory_order_relaxed))
      woken_from_outside_.store(true, std::memory_order_relaxed);
  }

  /// A foreign thread waits at a primitive, of whatever runtime.
  static void foreign_wait_begins() noexcept { foreign_waits.fetch_add(1, std::memory_order_relaxed); }
  static void foreign_wait_ends() noexcept { foreign_waits.fetch_sub(1, std::memory_order_relaxed); }

 private:
  using sleepers = std::vector<const fiber*>;

  bool may_hear_from_outside() const noexcept;
  bool collect(sleepers& all) const;
  static std::string describe(const sleepers& all);

  static constinit atomic<std::uint32_t> foreign_waits;

  scheduler& of_;
  atomic<bool> on_;
  atomic<bool> woken_from_outside_{false};
  atomic<std::uint32_t> outside_{0};
  thread_mutex lock_;
  std::uint32_t asleep_ = 0;  // guarded by lock_: workers that are counted
};

}  // namespace weft::detail

// Finds out that all fibers are asleep: nothing can run, no timer and no I/O is pending, and still fibers
// wait for each other. That is told to the error sink once, with what each of them waits for.
//
// A worker for which nothing has run for a second, and that waits for nothing but messages, is counted
// before it sleeps, and no longer counted before it does anything else. The last one to be counted looks at
// the fibers of all: the others stand still meanwhile, because who wakes up needs lock_ to be discounted.
// What may still come from outside makes it look again later: a job of the offload pool, an external_work
// guard, and a foreign thread that waits at a primitive, that has used one at which a fiber waits
// (foreign_use.hpp), or that is known to have what a fiber waits for: it holds the mutex, or the shared_mutex
// alone, or runs the call_once. Of one that has used the primitive without a wait or a wake-up (it shares the
// shared_mutex, it took a value that lay in the channel), or not yet, nothing is known: external_work says
// so.
//
// A circle of waits is named if there is one of such links: who holds a mutex, or a shared_mutex alone, who
// runs a call_once, whom task::join() waits for, and the children of a nursery or a join_set, for whoever
// waits for their ends or for room among them (a child behind a cancellation_shield is not known as one).
// Fibers that wait for nothing but ends are told of only if they are in such a circle.
//
// Only workers that are about to sleep come here, and only if options.asleep_report is on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/foreign_use.hpp>

namespace weft::detail {

class scheduler;
class worker;
struct fiber;
struct wait;
enum class park_reason : std::uint8_t;

/// Whether only another fiber, or a foreign thread, can end a wait of this kind: not time, nor the end of
/// fibers.
bool waits_at_a_primitive(park_reason why) noexcept;

class census {
 public:
  /// How long a worker must have been idle to be counted.
  static constexpr std::int64_t idle_ns = 1'000'000'000;

  census(scheduler& of, bool on) noexcept : of_{of}, on_{on} {}
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

  /// A foreign thread has woken `f`, which has not gone on yet, and so may wake who waits there again. On the
  /// fiber's home worker.
  static void woken_from_outside(const fiber& f) noexcept;

  /// A foreign thread waits at a primitive, of whatever runtime.
  static void foreign_wait_begins(const wait& w, park_reason why) noexcept;
  static void foreign_wait_ends() noexcept { foreign_waits.fetch_sub(1, std::memory_order_release); }

 private:
  using sleepers = std::vector<const fiber*>;

  bool may_hear_from_outside() const noexcept;
  bool collect(sleepers& all) const;
  static std::string describe(const sleepers& all);

  static constinit atomic<std::uint32_t> foreign_waits;

  [[no_unique_address]] foreign_use::keeper keeps_marks_;
  scheduler& of_;
  atomic<bool> on_;
  atomic<std::uint32_t> outside_{0};
  thread_mutex lock_;
  std::uint32_t asleep_ = 0;  // guarded by lock_: workers that are counted
};

}  // namespace weft::detail

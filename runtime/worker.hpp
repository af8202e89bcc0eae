// A worker: one thread, its run queue, its timers, its ring, its inbox. The scheduler loop is worker.cpp's
// run().
//
// The loop alternates two states. Between batches it runs on the thread's own stack: takes the inbox, turns
// the timer wheel, looks at the ring. Then it switches to the first ready fiber, and each fiber that parks or
// yields jumps straight to the next, until the batch is used up or nothing is ready; the last one jumps back
// to the loop.
//
// Signal masking costs no system call: `running_` is the mask. It names the fiber whose own code runs and is
// null whenever weft's code runs, so the store that every switch makes anyway is the mask: a handler that
// finds null interrupts weft and must leave the worker as it is: overflow's merely reads it, to name the
// fiber, and that of the preemption signal does nothing then. The kernel's mask is set when the thread
// starts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>

#include <weft/pools/slab.hpp>
#include <weft/pools/stack_pool.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/context/exceptions.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/inbox.hpp>
#include <weft/runtime/metrics/worker_counters.hpp>
#include <weft/runtime/newcomers.hpp>
#include <weft/runtime/poller.hpp>
#include <weft/runtime/preempt/region_mark.hpp>
#include <weft/runtime/preempt/stand_in.hpp>
#include <weft/runtime/preempt/worker_state.hpp>
#include <weft/runtime/run_clock.hpp>
#include <weft/runtime/run_queue.hpp>
#include <weft/runtime/thread_state.hpp>
#include <weft/runtime/timer_wheel.hpp>
#include <weft/runtime/trace/mode.hpp>
#include <weft/runtime/trace/record.hpp>
#include <weft/runtime/wait.hpp>
#include <weft/runtime/worker_visit.hpp>

namespace weft::detail {

class scheduler;
class debugger_table;

class worker {
 public:
  worker(scheduler& owner, unsigned index);
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker();

  /// The worker that this thread is; null on a foreign thread.
  WEFT_ALWAYS_INLINE static worker* current() noexcept { return this_thread.current; }

  /// The fiber that this worker runs; null while weft's own code runs.
  WEFT_ALWAYS_INLINE fiber* running() const noexcept { return running_.load(std::memory_order_relaxed); }

  // --- suspension; only from the fiber that runs

  /// Lets the others run and comes back: the fiber is ready again at once. Returns without a switch if it is
  /// alone.
  WEFT_ALWAYS_INLINE void yield() noexcept {
    fiber* const me = running();
    WEFT_ASSERT(me != nullptr, "a yield where nothing may wait (on_thread_stack, a completion)");
    fiber& self = *me;
    WEFT_DEBUG_ASSERT(self.region.get() != region_mark::open, "a preemptible region may only checkpoint()");
    if (exception_in_flight(exceptions_)) [[unlikely]]
      return yield_watched();
    if (spend_budget() > 0) [[likely]] {
      enter_runtime();
      if (fiber* const next = queue_.exchange(self)) [[likely]] {
        leave_runtime(*next);
        context_switch(self.where, next->where);
        return;
      }
    }
    yield_slow(self);
  }

  /// Goes on with somebody else until the fiber is made ready. What is to wake it must know of it already.
  WEFT_ALWAYS_INLINE void suspend(fiber& self) noexcept {
    WEFT_DEBUG_ASSERT(self.region.get() != region_mark::open, "a preemptible region may not wait");
    if (exception_in_flight(exceptions_)) [[unlikely]]
      return suspend_watched(self);
    enter_runtime();
    switch_from(self);
  }

  /// Puts `f`, whose home is this worker, into the run queue. This thread only.
  WEFT_ALWAYS_INLINE void make_ready(fiber& f) noexcept { queue_.push(f); }

  /// Runs `call(argument)` on this thread's own stack, from a fiber. It must not suspend.
  /// `self`: the fiber on whose stack the caller is.
  void call_on_thread_stack(fiber& self, void (*call)(void*) noexcept, void* argument) noexcept;

  // --- fibers

  /// A control block with everything but a body and a deadline. Null: no memory.
  WEFT_ALWAYS_INLINE fiber* allocate(const spawn_options& o, std::source_location site) noexcept {
    auto* const f = static_cast<fiber*>(blocks_.take());
    if (f == nullptr) [[unlikely]]
      return nullptr;
    f->reset(owner_, o, site);
    f->id = next_id();
    return f;
  }

  /// Takes back the block of a fiber that has ended and been emptied (release_fiber() is the way to here).
  void release(fiber& f) noexcept {
    f.state.store(fiber_state::free, std::memory_order_relaxed);
    blocks_.give(&f);
  }

  /// Makes an unstarted fiber runnable: here, or wherever it gets stolen to.
  WEFT_ALWAYS_INLINE void start_later(fiber& f) noexcept {
    count_spawned();
    if (f.pinned) [[unlikely]]
      return queue_.push(f);
    queue_.push_unstarted(f);
    if (queue_.shared()) [[unlikely]]
      offer_work();
  }

  WEFT_ALWAYS_INLINE void count_spawned() noexcept {
    counters_.spawned.store(counters_.spawned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// Takes a fiber that another thread has spawned, or a pinned one.
  void accept(fiber& f) noexcept {
    if (f.pinned) queue_.push(f);
    else queue_.push_unstarted(f);
  }

  /// Brings a fiber that another thread has spawned and that any worker may run. From any thread.
  void arrive(fiber& f) noexcept {
    if (newcomers_.push(f)) inbox_.push(newcomers_message_);
  }
  newcomers& arriving() noexcept { return newcomers_; }

  /// An id that no other fiber of the process has or had.
  static std::uint64_t unique_id() noexcept;
  /// Makes every started fiber of this worker want to stop. This thread only, between batches.
  void stop_fibers() noexcept;

  /// Lets a fiber whose home this is feel the stop that it has been asked for. This thread only.
  void deliver_stop(fiber& f) noexcept;

  /// The delivery of fiber::cancellation.
  static void stop_posted(message& m, worker& receiver) noexcept;

  /// Makes the loop call stop_fibers(), or end. Once each, from any thread.
  void post_stop() noexcept { inbox_.push(stop_message_); }
  void post_exit() noexcept { inbox_.push(exit_message_); }

  /// Wakes this worker if it sleeps for want of work, to come and steal. False: it does not. From any thread.
  bool nudge() noexcept {
    if (!idle_.load(std::memory_order_relaxed) || !idle_.exchange(false, std::memory_order_acq_rel))
      return false;
    inbox_.push(nudge_message_);
    return true;
  }

  // --- the thread

  /// The scheduler loop: makes the poller, says how that went, runs until the scheduler lets it end.
  void run() noexcept;

  /// Whether options.fibers_max is set.
  bool limited() const noexcept { return limited_; }

  /// Whether a spawn is to be counted or traced.
  bool watches_spawns() const noexcept { return watches_; }

  inbox& messages() noexcept { return inbox_; }
  timer_wheel& timers() noexcept { return timers_; }
  poller& io() noexcept { return *poller_; }
  scheduler& owner() noexcept { return owner_; }
  unsigned index() const noexcept { return index_; }
  worker_counters& counters() noexcept { return counters_; }
  const poller_counters& io_counters() const noexcept { return io_counters_; }
  const worker_histograms* histograms() const noexcept { return histograms_.get(); }
  /// "io_uring", "epoll"; null before it runs. Any thread may ask.
  const char* backend() const noexcept { return backend_.get(); }
  run_queue& queue() noexcept { return queue_; }
  stack_cache& stacks() noexcept { return stacks_; }
  visiting_hours& visits() noexcept { return visits_; }

  /// How long its fibers have run; null: options.fiber_times is not set.
  const run_clock* clock() const noexcept { return timed_ ? &clock_ : nullptr; }

  // --- preemption

  preempt_state& preemption() noexcept { return preemption_; }

  /// What other workers do in its place while it is held up.
  stand_ins& standing_in() noexcept { return stand_ins_; }

  /// Switches left in this batch, had nobody cut it, and how often the loop has come round: with running(),
  /// what shows that it moves on. Any thread, a little late.
  int budget() const noexcept { return budget_.get() + cut_.get(); }
  std::uint64_t passes() const noexcept { return passes_.get(); }

  /// Whether no switch is left: the fiber that runs is to go to the loop. This thread only.
  WEFT_ALWAYS_INLINE bool batch_is_over() const noexcept { return budget_.get() <= 0; }

  /// Makes the next switch go to the loop. The handler of the preemption signal, while a fiber runs; or the
  /// monitor: in vain if the worker switches at this very moment, and then the batch is miscounted.
  void cut_batch() noexcept {
    const int left = budget_.get();
    if (left <= 0) return;
    cut_.set(cut_.get() + left);
    budget_.set(0);
  }

  /// Whether the fiber that runs is inside a `catch`, or unwinds. This thread only.
  bool has_exception_in_flight() const noexcept { return exception_in_flight(own_exceptions_); }

  /// Connections that this worker serves; what net balances.
  atomic<std::uint32_t> connections{0};

 private:
  friend class debugger_table;

  [[noreturn]] static void fiber_main() noexcept;

  // The mask. relaxed and a compiler fence are enough: only a signal handler on this very thread cares for
  // the order.
  WEFT_ALWAYS_INLINE void enter_runtime() noexcept {
    running_.store(nullptr, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  WEFT_ALWAYS_INLINE void leave_runtime(fiber& next) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    running_.store(&next, std::memory_order_relaxed);
  }

  void count_pass() noexcept { passes_.set(passes_.get() + 1); }

  // One switch less in this batch; gives how many are left.
  WEFT_ALWAYS_INLINE int spend_budget() noexcept {
    const int left = budget_.get() - 1;
    budget_.set(left);
    return left;
  }

  // Who is next: a fiber of the batch, or the loop.
  template <bool Watched = false>
  WEFT_ALWAYS_INLINE context& next_context() noexcept {
    if (spend_budget() > 0) [[likely]] {
      if (fiber* next = queue_.pop()) [[likely]] {
        const bool begins = next->stack == nullptr;
        if (begins) [[unlikely]]
          next = begin(*next);
        if (next != nullptr) [[likely]] {
          if constexpr (Watched) note_going_on(*next, begins);
          leave_runtime(*next);
          return next->where;
        }
      }
    }
    return loop_;
  }

  // A fiber that was made ready before it has switched away may be the next one itself.
  template <bool Watched = false>
  WEFT_ALWAYS_INLINE void switch_from(fiber& self) noexcept {
    context& next = next_context<Watched>();
    if (&next != &self.where) [[likely]]
      context_switch(self.where, next);
  }

  WEFT_NOINLINE void yield_slow(fiber& self) noexcept;
  WEFT_NOINLINE void yield_watched() noexcept;
  WEFT_NOINLINE void suspend_watched(fiber& self) noexcept;
  WEFT_NOINLINE void trace_changed() noexcept;
  void watch_suspensions() noexcept;
  void tell_held_mutexes() noexcept;
  void note_leaving(const fiber& f, trace::detail::record_kind how) noexcept;
  void note_going_on(const fiber& f, bool begins) noexcept;
  WEFT_NOINLINE void offer_work() noexcept;
  WEFT_NOINLINE void reserve_ids() noexcept;

  fiber_id next_id() noexcept {
    if (next_id_ == last_id_) [[unlikely]]
      reserve_ids();
    return fiber_id{++next_id_};
  }

  fiber* begin(fiber& f) noexcept;
  fiber* begin_slow(fiber& f) noexcept;
  fiber* begin_on(fiber& f, std::byte* stack) noexcept;
  void settle(fiber& f) noexcept;
  fiber* end(fiber& self) noexcept;
  template <bool Watched>
  fiber* end_as(fiber& self) noexcept;
  WEFT_NOINLINE fiber* end_watched(fiber& self) noexcept;
  void tell_end(fiber& self) noexcept;
  fiber* next_after(fiber* woken) noexcept;
  [[noreturn]] void leave_for_good(const abandoned_stack& from, context& to) noexcept;
  fiber* complete(fiber& self) noexcept;
  WEFT_NOINLINE fiber* complete_unseen(fiber& self, std::byte* stack) noexcept;
  fiber* wake_joiner(fiber& self, std::uint64_t joiner) noexcept;
  void count_finished() noexcept;
  WEFT_NOINLINE void count_stopped(std::uint64_t before) noexcept;
  void retry_starved() noexcept;

  bool open() noexcept;
  void close() noexcept;
  void sampled_pass() noexcept;
  int run_to_probe(int size) noexcept;
  void run_batch() noexcept;
  void enter(fiber& f, bool begins) noexcept;
  bool take_messages() noexcept;
  void turn_timers() noexcept;
  bool steal() noexcept;
  void idle() noexcept;
  bool spin() noexcept;
  void adapt_spin(std::int64_t slept_ns) noexcept;
  void sleep() noexcept;
  bool is_quiet(std::int64_t now, deadline& until) noexcept;
  bool trim() noexcept;

  // The hottest line: what every switch reads or writes.
  alignas(cache_line) atomic_for_signals<fiber*> running_{
      nullptr};          // read by signal handlers of this thread, and by whoever looks at the worker
  exposed<int> budget_;  // switches left in this batch
  unsigned index_;
  const bool limited_;   // options.fibers_max is set
  const bool timed_;     // options.fiber_times is set
  const bool asserts_;   // options.assert_may_block is set
  bool traced_ = false;  // what fibers do here is traced
  bool watches_;         // one of these, or options.stack_census: spawns and ends take the long way
  // This thread's, zero at every switch; or, while somebody watches suspensions (one of the above), one that
  // never is, so that each takes the cold path that it tests for anyway.
  const exception_state* exceptions_ = nullptr;
  context loop_;  // how to go on with run_batch()
  run_queue queue_;

  slab_cache blocks_;
  stack_cache stacks_;
  timer_wheel timers_;
  inbox inbox_;
  newcomers newcomers_;
  scheduler& owner_;
  poller_counters io_counters_;  // outlive the poller
  std::unique_ptr<poller> poller_;
  worker_counters counters_;
  exposed<const char*> backend_{nullptr};

  // A sample of how long a fiber waits for its turn: so many others go before the one that was last in the
  // queue at `probed_since_`. 0: there is none under way.
  const std::unique_ptr<worker_histograms> histograms_;  // none in the simulator
  std::uint32_t passes_left_ = 0;                        // until the next sample; 0: never
  std::uint32_t probe_ahead_ = 0;
  std::int64_t probed_since_ = 0;

  run_clock clock_;                // if timed_
  exposed<std::uint64_t> passes_;  // of the loop
  exposed<int> cut_;               // switches that cut_batch() took from this batch
  preempt_state preemption_;
  stand_ins stand_ins_;

  // A call that a fiber wants made on this thread's stack.
  void (*call_)(void*) noexcept = nullptr;
  void* call_argument_ = nullptr;
  context* caller_ = nullptr;

  exception_state* own_exceptions_ = nullptr;  // this thread's
  std::uint32_t trace_mode_ = 0;               // the trace::detail::mode that it has followed

  context dead_;  // the context of the fiber that ended last: its sanitizer state goes with the next
  fiber* stackless_ = nullptr;        // an unstarted fiber of this batch for which the cache had no stack
  fiber* starved_ = nullptr;          // unstarted fibers for which there was no stack, linked by `next`
  std::int64_t starved_until_ = 0;    // when to try them again
  std::int64_t spin_ns_ = 0;          // how long to spin before the next sleep
  std::uint8_t vain_spins_ = 0;       // the longest ones, one after the other, with short sleeps after them
  std::uint8_t spinless_sleeps_ = 0;  // how many short sleeps there are still to be before it spins again
  // When it found nothing to do, after which it trims; ahead of time if it is to trim again. 0: it has
  // something to do. -1: it has trimmed.
  std::int64_t idle_since_ = 0;
  std::int64_t quiet_since_ = 0;  // for the census: when it first slept after its last batch,
  std::uint64_t quiet_batches_ = ~std::uint64_t{0};  // which was this one
  std::uint64_t next_id_ = 0, last_id_ = 0;
  unsigned random_;       // whom to rob first
  bool exiting_ = false;  // the loop is to end

  // A worker that sleeps for want of work says so in idle_; who clears it sends nudge_message_. The worker
  // does not say so again before that message has arrived, so there is never more than one of it.
  atomic<bool> idle_{false};
  bool nudge_owed_ = false;  // idle_ was cleared by somebody whose message has not arrived
  message stop_message_, exit_message_, nudge_message_, newcomers_message_;

  visiting_hours visits_{inbox_};
};

}  // namespace weft::detail

// What the workers of one runtime share: options, depots, and the way from "stop" to "all has ended".
//
// Nothing here is touched while fibers run and park. Fibers are counted by their workers, in plain numbers
// that grow; all have ended when the sum of `finished`, read first, equals the sum of `spawned`, read after
// it: both only grow and the first never exceeds the second, so they were equal in between, and without a
// live fiber no fiber spawns. Foreign threads do: they count in submitted_, and the same word is closed, by
// compare-exchange, when all have ended.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <vector>

#include <weft/pools/pool_lock.hpp>
#include <weft/pools/slab.hpp>
#include <weft/pools/stack_pool.hpp>
#include <weft/runtime/admission.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/os_thread.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/census.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/fiber_pools.hpp>
#include <weft/runtime/options.hpp>
#include <weft/runtime/placement.hpp>
#include <weft/runtime/preempt/doze.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {

class monitor;
class offload_pool;

class scheduler {
 public:
  /// Starts the workers. Errors: what validate() says, or what the first worker that could not start says.
  [[nodiscard]] static result<std::unique_ptr<scheduler>> open(const options& o);
  /// The same on a machine with these nodes.
  [[nodiscard]] static result<std::unique_ptr<scheduler>> open(const options& o,
                                                               const numa_topology& topology);

  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  /// Every worker must have ended.
  ~scheduler();

  /// Makes every fiber, present and future, want to stop. Safe from anywhere.
  void request_stop() noexcept;

  /// request_stop(), then waits until all fibers have ended, and joins the workers. Errors:
  /// deadline_exceeded, after a report that names what did not end. A foreign thread only.
  result<void> stop(deadline until) noexcept;

  /// A thread that is none of our workers is about to spawn: from here on stop() waits for its fiber, even
  /// while it waits for room. Asserts that it does not come too late.
  void announce() noexcept;
  /// It does not spawn after all.
  void withdraw() noexcept;

  /// Brings an unstarted fiber to a worker: the one that it is pinned to, or any. From any thread.
  void submit(fiber& f, unsigned pinned_to) noexcept;

  /// A control block for a foreign thread. Null: no memory.
  fiber* allocate(const spawn_options& o, std::source_location site) noexcept;

  /// Whether some worker sleeps for want of work and nobody is on his way to look for some. A hint.
  bool may_nudge() const noexcept {
    return idle_.load(std::memory_order_relaxed) != 0 && !searching_.load(std::memory_order_relaxed);
  }

  /// Wakes one such worker to come and steal. One at a time: who finds more than it needs wakes the next.
  void nudge_one() noexcept;
  void search_ended() noexcept { searching_.store(false, std::memory_order_release); }
  /// Wakes another than the caller, who has been nudged and found other work.
  void pass_nudge_on() noexcept {
    search_ended();
    nudge_one();
  }

  /// A worker says that it sleeps for want of work, and takes it back; false: it has been nudged meanwhile.
  void became_idle(atomic<bool>& flag) noexcept;
  bool became_busy(atomic<bool>& flag) noexcept;

  /// Tells the waiting stop() if all fibers have ended. A worker that has nothing to do calls it while
  /// stopping().
  void check_ended() noexcept;

  /// A worker says that it runs, or why it cannot.
  void worker_opened(std::error_code error) noexcept;

  /// Brings `text` to the error sink.
  void report(std::string_view text) noexcept;

  /// Reports the failure of a fiber that nobody joined. On a thread's own stack.
  void report_unseen(fiber& f) noexcept;

  /// Reports a failure that is not, or no longer, in its fiber. On a thread's own stack.
  void report_failure(const fiber& f, const std::exception_ptr& thrown, std::error_code error) noexcept;

  /// The same for a fiber whose runtime may have gone; then there is no sink any more, and nobody hears of
  /// it.
  static void report_if_alive(fiber& f) noexcept;

  /// Reports, once, that workers do not run where they are to.
  void report_unbound(std::error_code error) noexcept;

  /// Reports that there was no stack to be had, once a second at most.
  void report_no_stack(const fiber& f) noexcept;

  bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  const std::vector<std::unique_ptr<worker>>& workers() const noexcept { return workers_; }
  unsigned workers_planned() const noexcept { return workers_count_; }
  const options& settings() const noexcept { return options_; }
  stack_depot& stacks(std::size_t node = 0) noexcept { return *stacks_[node]; }
  std::size_t stack_depots() const noexcept { return stacks_.size(); }
  stack_depot& stacks_of(unsigned worker) noexcept { return stacks(places_.node_of(worker)); }
  const placement& places() const noexcept { return places_; }

  /// Fibers that were ever spawned.
  std::uint64_t fibers_spawned() const noexcept;
  offload_pool& offload() noexcept { return *offload_; }
  detail::admission& admission() noexcept { return admission_; }
  census& sleepers() noexcept { return sleepers_; }
  /// What its workers are interrupted with; 0: nothing.
  int preempt_signal() const noexcept;
  doze& monitor_doze() noexcept { return monitor_doze_; }
  /// Null if there is none.
  const monitor* watcher() const noexcept { return monitor_.get(); }

  /// Others, `by` first of all, take what `hog`, which does not come to it, has not begun. The monitor.
  void take_over(worker& hog, worker& by) noexcept;

 private:
  scheduler(const options& o, const numa_topology& topology);
  [[nodiscard]] result<void> start();
  [[nodiscard]] result<void> start_monitor();
  static void move_unstarted(worker& from, worker& to) noexcept;
  void end_workers() noexcept;
  bool all_ended(std::uint64_t submitted) const noexcept;
  void report_unended() noexcept;
  void forget_fibers() noexcept;

  static constexpr std::uint64_t closed = 1ull << 63;

  const options options_;
  const unsigned workers_count_;
  const placement places_;
  std::vector<std::unique_ptr<stack_depot>> stacks_;  // one for each node that has workers
  std::unique_ptr<offload_pool> offload_;
  detail::admission admission_;
  census sleepers_;
  pool_lock foreign_lock_;  // guards foreign_blocks_
  slab_cache foreign_blocks_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::vector<os_thread> threads_;
  pool_lock sink_lock_;  // one report at a time
  pool_lock stop_lock_;  // one stop() at a time; guards joined_
  bool joined_ = false;
  std::error_code open_error_;          // written before opened_ is counted
  std::int64_t no_stack_reported_ = 0;  // guarded by sink_lock_

  atomic<bool> stopping_{false};
  atomic<std::uint32_t> idle_{0};    // workers that sleep for want of work, or are about to
  atomic<bool> searching_{false};    // one of them has been woken and has not looked yet
  atomic<std::uint32_t> opened_{0};  // workers that have said how they started
  atomic<std::uint32_t> ended_{0};   // a futex: 1 when all fibers have ended
  atomic<std::uint64_t> submitted_{
      0};  // fibers spawned by foreign threads; and `closed`, set once all have ended
  atomic<std::uint32_t> next_worker_{0};
  atomic<bool> unbound_reported_{false};
  doze monitor_doze_;
  std::unique_ptr<monitor> monitor_;    // while the workers run
  std::unique_ptr<fiber_pools> pools_;  // the first to go: it looks at the others
};

}  // namespace weft::detail

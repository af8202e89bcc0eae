#include <weft/runtime/scheduler.hpp>

#include <cinttypes>
#include <climits>
#include <cstdio>
#include <exception>
#include <iterator>
#include <string>

#include <unistd.h>

#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/base/byte_kernels.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/cpus.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/inspect/debugger_table.hpp>
#include <weft/runtime/inspect/stack_sites.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/overflow.hpp>
#include <weft/runtime/preempt/monitor.hpp>
#include <weft/runtime/preempt/preempt_signal.hpp>
#include <weft/runtime/unwinder.hpp>

namespace weft::detail {
namespace {

constinit pool_lock owners;  // keeps a scheduler alive while the failure of a fiber is reported to it

}  // namespace

result<std::unique_ptr<scheduler>> scheduler::open(const options& o) {
  return open(o, o.memory == memory_strategy::pooled ? numa_topology{} : numa_topology::read());
}

result<std::unique_ptr<scheduler>> scheduler::open(const options& o, const numa_topology& topology) {
  WEFT_TRY(o.validate());
  std::unique_ptr<scheduler> made{new scheduler{o, topology}};
  WEFT_TRY(made->start());
  return made;
}

scheduler::scheduler(const options& o, const numa_topology& topology)
    : options_{o},
      workers_count_{o.workers != 0 ? o.workers : usable_cpus()},
      places_{o, workers_count_, topology},
      offload_{std::make_unique<offload_pool>(offload_options{.threads_min = o.blocking_threads_min,
                                                              .threads_max = o.blocking_threads_max,
                                                              .idle = o.blocking_idle,
                                                              .queue_max = o.blocking_queue_max})},
      admission_{o.fibers_max},
      sleepers_{*this, o.asleep_report},
      foreign_blocks_{process_slabs<sizeof(fiber)>()} {
  const std::size_t nodes = places_.nodes();
  for (std::size_t node = 0; node < nodes; ++node)
    stacks_.push_back(
        std::make_unique<stack_depot>(stack_depot_options{.warm = (o.stacks_warm + nodes - 1) / nodes,
                                                          .adaptive = o.memory == memory_strategy::adaptive,
                                                          .node = places_.memory_of(node)}));
  if constexpr (!simulated) process_slabs<sizeof(fiber)>().keep_more_warm(o.stacks_warm);
}

scheduler::~scheduler() {
  end_workers();
  forget_fibers();
  if constexpr (!simulated) process_slabs<sizeof(fiber)>().keep_less_warm(options_.stacks_warm);
  if (options_.overflow_report) remove_overflow_handler();
  if (preempt_signal() != 0) remove_preempt_handler(preempt_signal());
}

result<void> scheduler::start() {
  prepare_asymmetric_fences();
  describe_fibers();
  show_fibers_to_debuggers();
  prepare_unwinder();
  if (options_.overflow_report) install_overflow_handler();
  if (preempt_signal() != 0) install_preempt_handler(preempt_signal());
  if (options_.stack_census) stack_sites::prepare();
  if (const std::string remark = places_.remark(); !remark.empty()) report(remark);
  if (stacks().lacks_guards())
    report(std::string{"stack guards in force: "} + name(stacks().guards()) +
           " (page_table needs Linux 6.13)");
  if (!simd::refused().empty())
    report(std::string{simd::refused()} + "; in use: " + std::string{simd::name(simd::in_use())});
  for (unsigned i = 0; i < workers_count_; ++i) workers_.push_back(std::make_unique<worker>(*this, i));
  if constexpr (!simulated) pools_ = std::make_unique<fiber_pools>(*this);
  for (unsigned i = 0; i < workers_count_; ++i) {
    char title[16];
    std::snprintf(title, sizeof title, "weft-%u", i);
    auto thread = os_thread::start(title, [w = workers_[i].get()] { w->run(); });
    if (!thread) {
      worker_opened(thread.error());
      break;  // the workers that have no thread stay: the others may be looking at them
    }
    threads_.push_back(std::move(*thread));
  }
  const auto started = static_cast<std::uint32_t>(threads_.size());
  for (std::uint32_t seen = opened_.load(); seen < started; seen = opened_.load())
    futex_wait(opened_, seen, deadline::never());
  if (!open_error_) return start_monitor();
  end_workers();
  return std::unexpected(open_error_);
}

int scheduler::preempt_signal() const noexcept {
  const bool watched =
      options_.slice.count() != 0 || options_.stall.count() != 0 || options_.assert_may_block;
  return watched && !simulated ? options_.preempt_signal : 0;
}

// Not in a simulated world: there nothing runs while nobody looks.
result<void> scheduler::start_monitor() {
  if constexpr (simulated) return {};
  auto made = monitor::start(*this);
  if (!made) {
    end_workers();
    return std::unexpected(made.error());
  }
  monitor_ = std::move(*made);
  return {};
}

void scheduler::worker_opened(std::error_code error) noexcept {
  if (error) {
    const std::lock_guard hold{sink_lock_};
    open_error_ = error;
  }
  opened_.fetch_add(1);
  futex_wake(&opened_, INT_MAX);
}

// --- spawning from outside

fiber* scheduler::allocate(const spawn_options& o, std::source_location site) noexcept {
  const std::lock_guard hold{foreign_lock_};
  auto* const f = static_cast<fiber*>(foreign_blocks_.take());
  if (f == nullptr) return nullptr;
  f->reset(*this, o, site);
  f->id = fiber_id{worker::unique_id()};
  return f;
}

void scheduler::announce() noexcept {
  const std::uint64_t before = submitted_.fetch_add(1, std::memory_order_acq_rel);
  WEFT_ASSERT((before & closed) == 0, "a runtime was asked to spawn after its stop() had ended");
}

void scheduler::withdraw() noexcept {
  submitted_.fetch_sub(1, std::memory_order_acq_rel);
  if (stopping()) check_ended();  // the workers may all have looked already
}

void scheduler::submit(fiber& f, unsigned pinned_to) noexcept {
  if (!f.pinned)
    return workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_count_]->arrive(f);
  f.deliver = [](message& m, worker& receiver) noexcept { receiver.accept(static_cast<fiber&>(m)); };
  workers_[pinned_to]->messages().push(f);
}

// --- idle workers

void scheduler::became_idle(atomic<bool>& flag) noexcept {
  flag.store(true, std::memory_order_release);  // who reads it may push nudge_message_ again
  idle_.fetch_add(1, std::memory_order_seq_cst);
}

bool scheduler::became_busy(atomic<bool>& flag) noexcept {
  idle_.fetch_sub(1, std::memory_order_relaxed);
  return flag.exchange(false, std::memory_order_acq_rel);
}

// Fibers that have not arrived go to `by`; those that wait in its queue are stolen by who has nothing to do,
// or go there too, for who always has something never comes to steal; and what can be done in its place is.
void scheduler::take_over(worker& hog, worker& by) noexcept {
  if (run_queue::stealable(hog.queue()) != 0) {
    if (may_nudge()) nudge_one();
    else move_unstarted(hog, by);
  }
  for (message* m = hog.arriving().take(); m != nullptr;) {
    message* const next = m->next;
    by.arrive(static_cast<fiber&>(*m));
    m = next;
  }
  hog.standing_in().call(*this, by.index());
}

void scheduler::move_unstarted(worker& from, worker& to) noexcept {
  fiber* some[32];
  while (const std::uint32_t n = run_queue::steal(from.queue(), some, std::size(some)))
    for (std::uint32_t i = 0; i < n; ++i) to.arrive(*some[i]);
}

void scheduler::nudge_one() noexcept {
  if (searching_.exchange(true, std::memory_order_acq_rel)) return;
  for (const auto& w : workers_)
    if (w->nudge()) return;
  search_ended();
}

// --- the end

void scheduler::request_stop() noexcept {
  if (stopping_.exchange(true, std::memory_order_acq_rel)) return;
  for (const auto& w : workers_) w->post_stop();
}

std::uint64_t scheduler::fibers_spawned() const noexcept {
  std::uint64_t all = submitted_.load(std::memory_order_relaxed) & ~closed;
  for (const auto& w : workers_) all += w->counters().spawned.load(std::memory_order_relaxed);
  return all;
}

bool scheduler::all_ended(std::uint64_t submitted) const noexcept {
  std::uint64_t finished = 0;
  for (const auto& w : workers_) finished += w->counters().finished.load(std::memory_order_acquire);
  std::uint64_t spawned = submitted;
  for (const auto& w : workers_) spawned += w->counters().spawned.load(std::memory_order_acquire);
  return finished == spawned;
}

// Two workers whose last fibers end at the same time must not both miss the other's: each has counted before
// the fence and looks after it. submitted_ may be read first of all, because the compare-exchange finds it
// unchanged at the end.
void scheduler::check_ended() noexcept {
  fence(std::memory_order_seq_cst);
  std::uint64_t submitted = submitted_.load(std::memory_order_acquire);
  do {
    if ((submitted & closed) != 0 || !all_ended(submitted)) return;
  } while (!submitted_.compare_exchange_weak(submitted, submitted | closed, std::memory_order_seq_cst,
                                             std::memory_order_acquire));
  ended_.store(1, std::memory_order_release);
  futex_wake(&ended_, INT_MAX);
}

result<void> scheduler::stop(deadline until) noexcept {
  WEFT_ASSERT(worker::current() == nullptr,
              "stop() waits for all fibers, so a fiber cannot call it: request_stop() can");
  const std::lock_guard hold{stop_lock_};
  if (joined_) return {};
  request_stop();
  while (ended_.load(std::memory_order_acquire) == 0) {
    if (futex_wait(ended_, 0, until) || ended_.load(std::memory_order_acquire) != 0) continue;
    report_unended();
    return std::unexpected(errc::deadline_exceeded);
  }
  end_workers();
  return {};
}

void scheduler::end_workers() noexcept {
  if (joined_) return;
  joined_ = true;
  monitor_.reset();
  for (const auto& w : workers_) w->post_exit();
  for (os_thread& t : threads_) t.join();
}

// --- reports

void scheduler::report(std::string_view text) noexcept {
  const std::lock_guard hold{sink_lock_};
  if (options_.error_sink != nullptr) return options_.error_sink(text);
  std::string line{"weft: "};
  line += text;
  line += '\n';
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

void scheduler::report_unseen(fiber& f) noexcept {
  if (has_thrown(f)) report_failure(f, stored<std::exception_ptr>::get(f), {});
  else report_failure(f, nullptr, f.outcome->error(f));
}

void scheduler::report_failure(const fiber& f, const std::exception_ptr& thrown,
                               std::error_code error) noexcept {
  std::string text = description_of(f);
  if (thrown == nullptr) {
    report(text + " failed: " + error.message());
    return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {  // root: the fiber's exception ends here
    text += std::string{" ended with an exception: "} + e.what();
  } catch (...) {  // root
    text += " ended with an exception that is not a std::exception";
  }
  report(text);
  if (options_.terminate_on_exception) std::terminate();
}

void scheduler::report_if_alive(fiber& f) noexcept {
  const std::lock_guard hold{owners};
  if (scheduler* const owner = f.owner.load(std::memory_order_relaxed)) owner->report_unseen(f);
}

// Tasks may outlive us. A block that is free, or another's meanwhile, does not name us after this either.
void scheduler::forget_fibers() noexcept {
  const std::lock_guard hold{owners};
  process_slabs<sizeof(fiber)>().for_each([this](void* block) {
    scheduler* us = this;
    static_cast<fiber*>(block)->owner.compare_exchange_strong(us, nullptr, std::memory_order_relaxed);
  });
}

void scheduler::report_unbound(std::error_code error) noexcept {
  if (!unbound_reported_.exchange(true, std::memory_order_relaxed)) report(places_.report_of(error));
}

void scheduler::report_no_stack(const fiber& f) noexcept {
  constexpr std::int64_t interval_ns = 1'000'000'000;
  {
    const std::lock_guard hold{sink_lock_};
    const std::int64_t now = steady_ns();
    if (no_stack_reported_ != 0 && now - no_stack_reported_ < interval_ns) return;
    no_stack_reported_ = now;
  }
  report(description_of(f) + " waits: " + make_error_code(errc::limit).message() +
         ", no stack could be mapped (raise the memory limit, or vm.overcommit_memory; or set "
         "options.fibers_max)");
}

void scheduler::report_unended() noexcept {
  constexpr int shown_max = 20;
  int count = 0;
  std::string text;
  process_slabs<sizeof(fiber)>().for_each([&](void* block) {
    const fiber& f = *static_cast<const fiber*>(block);
    const fiber_state state = f.state.load(std::memory_order_acquire);
    if ((state != fiber_state::started && state != fiber_state::unstarted) ||
        f.owner.load(std::memory_order_relaxed) != this)
      return;
    if (++count <= shown_max) text += "\n  " + description_of(f) + ", " + activity_of(f);
  });
  report(std::to_string(count) + " fibers did not end after stop():" + text +
         (count > shown_max ? "\n  ..." : ""));
}

}  // namespace weft::detail

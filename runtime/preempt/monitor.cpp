#include <weft/runtime/preempt/monitor.hpp>

#include <algorithm>
#include <chrono>
#include <climits>
#include <csignal>
#include <string>
#include <utility>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/inspect/symbols.hpp>
#include <weft/runtime/preempt/pulse.hpp>
#include <weft/runtime/preempt/side_buffer.hpp>
#include <weft/runtime/preempt/thread_activity.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

constexpr int quiet_ticks = 10;  // without anything running, after which it sleeps; a guess
constexpr std::chrono::milliseconds snapshot_patience{50};
constexpr std::int64_t ns_per_ms = 1'000'000;

// The shorter of what is on.
std::int64_t tick_of(const options& o) noexcept {
  const std::int64_t slice = o.slice.count(), stall = o.stall.count();
  if (slice == 0 && stall == 0 && o.assert_may_block) return options{}.slice.count();
  if (slice == 0 || stall == 0) return std::max(slice, stall);
  return std::min(slice, stall);
}

}  // namespace

result<std::unique_ptr<monitor>> monitor::start(scheduler& of) {
  if (tick_of(of.settings()) == 0) return nullptr;
  std::unique_ptr<monitor> made{new monitor{of}};
  made->thread_ = WEFT_TRY(os_thread::start("weft-monitor", [m = made.get()] { m->run(); }));
  return made;
}

monitor::monitor(scheduler& of) : of_{of}, tick_ns_{tick_of(of.settings())} {
  const options& o = of.settings();
  watches_.reserve(of.workers().size());
  held_.resize(of.workers().size());
  for (std::size_t i = 0; i < of.workers().size(); ++i)
    watches_.emplace_back(o.slice.count(), o.stall.count(), o.assert_may_block);
}

monitor::~monitor() {
  ending_.store(1, std::memory_order_release);
  futex_wake(&ending_, INT_MAX);
  of_.monitor_doze().wake();
  thread_.join();
}

void monitor::run() noexcept {
  int quiet = 0;
  std::int64_t next = steady_ns();
  while (ending_.load(std::memory_order_acquire) == 0) {
    if (quiet >= quiet_ticks) {
      of_.monitor_doze().sleep([this] {
        return ending_.load(std::memory_order_acquire) == 0 &&
               std::ranges::all_of(of_.workers(), [](const auto& w) { return w->messages().sleeps(); });
      });
      quiet = 0;
      next = steady_ns();
    }
    next = std::max(next + tick_ns_, steady_ns());
    deadline until;
    until.at = next;
    while (futex_wait(ending_, 0, until) && ending_.load(std::memory_order_acquire) == 0) {}
    if (ending_.load(std::memory_order_acquire) != 0) return;
    quiet = look(steady_ns()) ? 0 : quiet + 1;
    ticks_.set(ticks_.get() + 1);
  }
}

// Whether anything has run since the last look.
bool monitor::look(std::int64_t now) noexcept {
  bool any = false;
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    worker& w = *of_.workers()[i];
    const worker_pulse pulse = pulse_of(w);
    if (!pulse.asleep || watches_[i].has_moved(pulse)) any = true;
    const std::int64_t computed = pulse.asleep ? 0 : cpu_ns_of(w.preemption().thread);
    const bool in_region = side_buffer::wanted() != 0 && pulse.running != nullptr &&
                           static_cast<const fiber*>(pulse.running)->region.get() != region_mark::none;
    const hog_verdict v = watches_[i].look(pulse, now, computed, in_region, [&] {
      const preempt_state& s = w.preemption();
      return sleeps_in_kernel(s.thread, s.tid);
    });
    held_[i] = v.take_over;
    if (v.take_over)
      if (worker* const by = substitute_of(i)) of_.take_over(w, *by);
    // Outside a region no signal: a system call may begin at this moment, and not all can begin_again().
    if (v.preempt && in_region && of_.preempt_signal() != 0) ask(w, preempt_state::ask_yield);
    else if (v.preempt) w.cut_batch();
    if (v.stalled) report(w, pulse, v, now);
  }
  return any;
}

// Who is to take what that worker has not begun: preferably one that sleeps. Null: they are all held up.
worker* monitor::substitute_of(std::size_t held) noexcept {
  const auto& all = of_.workers();
  worker* found = nullptr;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const std::size_t other = (held + i) % all.size();
    if (all[other]->messages().sleeps()) return all[other].get();
    if (found == nullptr && !held_[other]) found = all[other].get();
  }
  return found;
}

void monitor::ask(worker& hog, std::uint32_t what) noexcept {
  preempt_state& state = hog.preemption();
  state.asked.fetch_or(what, std::memory_order_release);
  preempt_counters::count(state.counters.signals_sent);
  pthread_kill(state.thread, of_.preempt_signal());
}

// False: the handler has not come in time (the thread gets no processor, or somebody else's handler is in
// place), and will not any more.
bool monitor::take_snapshot(worker& hog, const worker_pulse& of) noexcept {
  snapshot& seen = hog.preemption().seen;
  seen.of = of;
  seen.step.store(snapshot::wanted, std::memory_order_relaxed);
  ask(hog, preempt_state::ask_snapshot);
  const deadline patience{snapshot_patience};
  for (;;) {
    std::uint32_t step = seen.step.load(std::memory_order_acquire);
    if (step == snapshot::taken) return true;
    if (futex_wait(seen.step, step, patience)) continue;
    if (step == snapshot::wanted && seen.step.compare_exchange_strong(step, snapshot::idle)) return false;
  }
}

void monitor::report(worker& hog, const worker_pulse& pulse, const hog_verdict& v,
                     std::int64_t now) noexcept {
  preempt_state& state = hog.preemption();
  preempt_counters::count(state.counters.stalls);
  if (!rate_.admit(now)) return;
  const std::uint64_t unreported = rate_.take_suppressed();
  const std::string call = v.blocked ? system_call_of(state.tid) : std::string{};
  // A signal would end some system calls with EINTR, so a thread that sleeps in one is left alone.
  const bool seen = !v.blocked && of_.preempt_signal() != 0 && take_snapshot(hog, pulse);
  const bool has_moved = seen ? state.seen.has_moved : pulse_of(hog) != pulse;
  std::string text;
  const fiber* const f = hog.running();
  if (has_moved) text = "something that has gone on since";
  else if (seen && state.seen.text_size != 0) text.assign(state.seen.text, state.seen.text_size);
  else if (!seen && f != nullptr) text = description_of_other(*f);
  if (text.empty()) text = "weft's own code, or a call on the thread's stack,";
  text += " has held up worker " + std::to_string(hog.index()) + " for " +
          std::to_string(v.held_ns / ns_per_ms) + " ms";
  if (!call.empty()) text += ", blocked in " + call;
  if (unreported != 0) text += " (" + std::to_string(unreported) + " more such stalls were not reported)";
  if (seen && !has_moved) {
    symbolizer names;
    for (std::uint32_t i = 0; i < state.seen.frames_count; ++i) {
      const auto at = reinterpret_cast<std::uintptr_t>(state.seen.frames[i]);
      text.append(i == 0 ? "\n  at " : "\n  by ");
      text += names.find(i == 0 ? at : at - 1).text();  // in the call, not behind it
    }
  }
  of_.report(text);
}

}  // namespace weft::detail

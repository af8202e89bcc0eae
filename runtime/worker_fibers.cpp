// What a worker does with a fiber from its start to its end; the cold halves of suspension; stopping.
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/held_mutexes.hpp>
#include <weft/runtime/inspect/stack_sites.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/stop.hpp>
#include <weft/runtime/trace/events.hpp>
#include <weft/runtime/trace/thread_ring.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {
namespace {

constexpr std::int64_t starved_retry_ns =
    10'000'000;  // how soon to ask again for a stack that could not be mapped

// Stacks begin at the same offset of a page, so the hot lines of all fibers would share a few sets of the
// caches. So each stack's first frame is moved down by a multiple of 64 bytes, where that does not cost a
// page. Measured, ns per yield of 1000 fibers: 11.2 without colours, 7.3 with 8, 6.7 with 16, 6.5 with 32,
// which take half a page.
constexpr std::size_t colours = 16;

// What of a stack its first fiber may use. By class: how far to shift an address so that neighbours differ in
// the lowest bit, and how many colours there are.
struct colouring {
  std::size_t usable;
  std::uint32_t shift;
  std::uint32_t mask;
};
constexpr auto colourings = [] {
  std::array<colouring, stack_classes> all{};
  for (std::size_t i = 0; i < stack_classes; ++i) {
    const auto c = static_cast<stack_class>(i);
    all[i] = {usable(c), static_cast<std::uint32_t>(std::countr_zero(stride(c))),
              c == stack_class::kib4 ? 0 : static_cast<std::uint32_t>(colours - 1)};
  }
  return all;
}();

inline std::size_t coloured_size(const std::byte* stack, stack_class size) noexcept {
  const colouring& c = colourings[static_cast<std::size_t>(size)];
  return c.usable - (reinterpret_cast<std::uintptr_t>(stack) >> c.shift & c.mask) * cache_line;
}

constexpr std::uint64_t ids_at_once = 1 << 20;

atomic<std::uint64_t> ids_given{0};

}  // namespace

// The outermost function of every fiber's stack. One stack may serve many fibers in turn without a switch:
// see end().
void worker::fiber_main() noexcept {
  worker& here = *current();
  for (;;) {
    fiber& self = *here.running();
    self.body(self);
    here.leave_runtime(*here.end(self));
  }
}

// --- suspension, the cold halves

void worker::yield_slow(fiber& self) noexcept {
  enter_runtime();
  if (budget_.get() > 0 && queue_.empty()) return leave_runtime(self);  // alone: the batch goes on with it
  queue_.push(self);
  switch_from(self);
}

// In a `catch`, or while somebody watches.
void worker::yield_watched() noexcept {
  if (!queue_.empty()) tell_held_mutexes();  // else it is alone
  const exception_parking parked{own_exceptions_};
  fiber& self = *running();
  enter_runtime();
  if (queue_.empty() && spend_budget() > 0) return leave_runtime(self);  // alone
  const bool preempted = self.region.get() == region_mark::switched_out;
  note_leaving(self, preempted ? trace::detail::record_kind::preempt : trace::detail::record_kind::yield);
  queue_.push(self);
  switch_from<true>(self);
}

void worker::suspend_watched(fiber& self) noexcept {
  tell_held_mutexes();
  const exception_parking parked{own_exceptions_};
  enter_runtime();
  note_leaving(self, trace::detail::record_kind::park);
  switch_from<true>(self);
}

void worker::tell_held_mutexes() noexcept {
  if (asserts_ && held_here.count != 0) [[unlikely]]
    report_held_mutexes(*this, *running());
}

void worker::note_leaving(const fiber& f, trace::detail::record_kind how) noexcept {
  if (timed_) clock_.leaves(f);
  if (traced_) trace::detail::leaves(f, how);
}

void worker::note_going_on(const fiber& f, bool begins) noexcept {
  if (timed_) clock_.goes_on(f, begins);
  if (traced_) trace::detail::goes_on(f, begins);
}

// Between two batches, on the thread's own stack.
void worker::trace_changed() noexcept {
  trace_mode_ = trace::detail::mode.get();
  if ((trace_mode_ & trace::detail::spans_bit) != 0) trace::detail::prepare_ring();
  traced_ = (trace_mode_ & trace::detail::events_bit) != 0;
  watches_ = limited_ || timed_ || traced_ || owner_.settings().stack_census;
  this_thread.waker = traced_ ? nullptr : this;
  poller_->trace(traced_);
  watch_suspensions();
}

void worker::watch_suspensions() noexcept {
  static constexpr exception_state always_in_flight{.caught = nullptr, .uncaught = 1};
  exceptions_ = traced_ || timed_ || asserts_ ? &always_in_flight : own_exceptions_;
}

void worker::call_on_thread_stack(fiber& self, void (*call)(void*) noexcept, void* argument) noexcept {
  fiber* const was = running();  // null if weft's own code calls, at the end of `self`
  enter_runtime();
  const exception_parking parked{own_exceptions_};
  context here = self.where;  // for the sanitizers, which keep there which stack this is
  call_ = call;
  call_argument_ = argument;
  caller_ = &here;
  context_switch(here, loop_);
  caller_ = nullptr;
  if (was != nullptr) leave_runtime(*was);
}

// --- the life of a fiber

// Gives an unstarted fiber a stack, if one is at hand. Null: the loop must ask the kernel, which takes more
// stack than the fiber that switches away here has to spare.
fiber* worker::begin(fiber& f) noexcept {
  std::byte* const stack = stacks_.take_cached(f.stack_size);
  if (stack == nullptr) [[unlikely]] {
    stackless_ = &f;
    return nullptr;
  }
  return begin_on(f, stack);
}

// On the thread's own stack. Null: there is no stack to be had; the fiber waits in starved_.
fiber* worker::begin_slow(fiber& f) noexcept {
  std::byte* const stack = stacks_.take(f.stack_size);
  if (stack != nullptr) [[likely]]
    return begin_on(f, stack);
  f.next = starved_;  // all of them are tried again, so their order hardly matters
  starved_ = &f;
  starved_until_ = steady_ns() + starved_retry_ns;
  return nullptr;
}

WEFT_ALWAYS_INLINE fiber* worker::begin_on(fiber& f, std::byte* stack) noexcept {
  context_create(f.where, stack, coloured_size(stack, f.stack_size) - timed_ * run_clock::room, fiber_main);
  f.stack = stack;
  settle(f);
  return &f;
}

// From here on the fiber is this worker's, for good.
WEFT_ALWAYS_INLINE void worker::settle(fiber& f) noexcept {
  f.home.store(this, std::memory_order_relaxed);
  f.state.store(fiber_state::started, std::memory_order_release);
  // Against request_stop(): the fiber, which looks for a stop before it waits, or the stopper sees the other.
  light_fence();
  if (owner_.stopping()) [[unlikely]]
    request_stop(f, stop_reason::parent);
}

// Before the join ends: who comes from there finds room.
void worker::tell_end(fiber& self) noexcept {
  note_leaving(self, trace::detail::record_kind::end);
  if (owner_.settings().stack_census)
    stack_sites::measure_and_clean(self.site, self.stack_size, self.stack, __builtin_frame_address(0));
  if (limited_) owner_.admission().leave();
}

// Ends the running fiber, on its own stack. Returns the next fiber if that can go on with this very stack, as
// an unstarted one of the same class can: no switch, and the stack is hot. Otherwise switches away for good.
template <bool Watched>
WEFT_ALWAYS_INLINE fiber* worker::end_as(fiber& self) noexcept {
  enter_runtime();
  std::byte* const stack = self.stack;
  const stack_class size = self.stack_size;
  const abandoned_stack here{self.where};
  if constexpr (Watched) tell_end(self);
  fiber* next = complete(self);
  if (Watched && traced_ && next != nullptr) trace::detail::woken(*next);
  if (starved_ != nullptr) [[unlikely]]
    retry_starved();

  next = next_after(next);
  if (next != nullptr && next->stack == nullptr && next->stack_size == size) {
    here.pass_to(next->where);
    next->stack = stack;
    settle(*next);
    if constexpr (Watched) note_going_on(*next, /*begins=*/true);
    return next;
  }
  // From here on the stack is another's, though we are still on it: whoever gets it does so after us, for it
  // is this worker that hands it out.
  here.forget();
  stacks_.give(size, stack);
  const bool begins = next != nullptr && next->stack == nullptr;
  if (begins) next = begin(*next);
  if (next == nullptr) leave_for_good(here, loop_);
  if constexpr (Watched) note_going_on(*next, begins);
  leave_runtime(*next);
  leave_for_good(here, next->where);
}

fiber* worker::end_watched(fiber& self) noexcept { return end_as<true>(self); }

WEFT_ALWAYS_INLINE fiber* worker::end(fiber& self) noexcept {
  if (watches_) [[unlikely]]
    return end_watched(self);
  return end_as<false>(self);
}

// Who goes on in this batch, if anyone; `woken`, if there is one, in its turn.
WEFT_ALWAYS_INLINE fiber* worker::next_after(fiber* woken) noexcept {
  if (spend_budget() > 0) [[likely]] {
    if (woken == nullptr) return queue_.pop();
    if (queue_.empty()) return woken;
    queue_.push(*woken);
    return queue_.pop();
  }
  if (woken != nullptr) queue_.push(*woken);
  return nullptr;
}

WEFT_ALWAYS_INLINE void worker::leave_for_good(const abandoned_stack& from, context& to) noexcept {
  dead_.annotation.destroy();  // the one before: its stack was left long ago
  from.pass_to(dead_);
  context_switch_last(dead_, to);
}

// Publishes the outcome; `self` may be gone afterwards. Returns the joiner if it is a fiber of this worker,
// to be made ready; any other has been.
WEFT_ALWAYS_INLINE fiber* worker::complete(fiber& self) noexcept {
  self.state.store(fiber_state::ended, std::memory_order_relaxed);
  std::byte* const stack = std::exchange(self.stack, nullptr);
  // Adds the bit, which is not set, because that is one instruction where fetch_or is a loop.
  const std::uint64_t before = self.control.fetch_add(fiber::ended, std::memory_order_acq_rel);
  fiber* joiner = nullptr;
  if ((before & fiber::detached) != 0) {
    if (self.outcome != nullptr) [[unlikely]]
      return complete_unseen(self, stack);
    release_fiber(self);
  } else if ((before & fiber::joiner_mask) != 0) {
    joiner = wake_joiner(self, before & fiber::joiner_mask);
  }
  if ((before & (fiber::posted | fiber::stop_requested)) == 0) [[likely]]
    count_finished();
  else count_stopped(before);
  return joiner;
}

// A stop that is on its way counts the end when it arrives: this worker must live until then.
void worker::count_stopped(std::uint64_t before) noexcept {
  ++counters_.cancelled;
  if ((before & (fiber::posted | fiber::delivered)) != fiber::posted) count_finished();
}

WEFT_ALWAYS_INLINE fiber* worker::wake_joiner(fiber& self, std::uint64_t joiner) noexcept {
  auto& waiter = *reinterpret_cast<parker*>(joiner & ~fiber::joiner_sole);
  if ((joiner & fiber::joiner_sole) != 0) {
    waiter.end(self.join_number);
  } else if (!waiter.claim(self.join_number, wake_reason::woken)) {
    self.joiner_left.store(true, std::memory_order_release);
    return nullptr;
  }
  if (fiber* const here = waiter.fiber_of(*this)) return here;
  waiter.resume();
  return nullptr;
}

// An outcome that nobody will see goes where it may wait, for its destructor is user's code: in its own
// fiber, which for that has not ended yet. It was detached, so nobody else has seen it end.
fiber* worker::complete_unseen(fiber& self, std::byte* stack) noexcept {
  self.control.fetch_sub(fiber::ended, std::memory_order_acq_rel);
  self.stack = stack;
  self.state.store(fiber_state::started, std::memory_order_release);
  leave_runtime(self);
  if (has_failed(self))
    call_on_thread_stack(
        self, [](void* p) noexcept { current()->owner().report_unseen(*static_cast<fiber*>(p)); }, &self);
  if (self.outcome != nullptr) std::exchange(self.outcome, nullptr)->drop(self);
  end_locals(self);  // that which the destructor has asked for
  enter_runtime();
  return complete(self);
}

WEFT_ALWAYS_INLINE void worker::count_finished() noexcept {
  counters_.finished.store(counters_.finished.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void worker::retry_starved() noexcept {
  fiber* f = std::exchange(starved_, nullptr);
  while (f != nullptr) {
    fiber* const next = static_cast<fiber*>(f->next);
    queue_.push(*f);
    f = next;
  }
}

// Somebody who sleeps may come and steal. One fiber alone is not worth the system call: its spawner is likely
// to wait for it.
void worker::offer_work() noexcept {
  if (owner_.may_nudge() && queue_.unstarted() > 1) owner_.nudge_one();
}

std::uint64_t worker::unique_id() noexcept { return ids_given.fetch_add(1, std::memory_order_relaxed) + 1; }

void worker::reserve_ids() noexcept {
  next_id_ = ids_given.fetch_add(ids_at_once, std::memory_order_relaxed);
  last_id_ = next_id_ + ids_at_once;
}

// --- stopping

void worker::deliver_stop(fiber& f) noexcept {
  wait* const w = f.waiting.get();
  if (f.state.load(std::memory_order_relaxed) == fiber_state::started && w != nullptr && w->cancellable &&
      f.wants_stop())
    w->interrupt(*w, wake_reason::canceled);
}

void worker::stop_posted(message& m, worker& receiver) noexcept {
  fiber& f = fiber::canceled_by(m);
  receiver.deliver_stop(f);
  const std::uint64_t before = f.control.fetch_or(fiber::delivered, std::memory_order_acq_rel);
  if ((before & fiber::ended) != 0) receiver.count_finished();
  if ((before & fiber::released) != 0) receiver.release(f);
}

// In two steps: a stop may run users' callbacks, and those may spawn, which for_each() forbids.
void worker::stop_fibers() noexcept {
  std::vector<fiber*> mine;
  process_slabs<sizeof(fiber)>().for_each([&](void* block) {
    fiber& f = *static_cast<fiber*>(block);
    if (f.state.load(std::memory_order_acquire) == fiber_state::started &&
        f.home.load(std::memory_order_relaxed) == this)
      mine.push_back(&f);
  });
  for (fiber* const f : mine) request_stop(*f, stop_reason::parent);
}

}  // namespace weft::detail

#include <weft/runtime/worker.hpp>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/base/asymmetric_fence.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/cpus.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/overflow.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/stop.hpp>

namespace weft::detail {
namespace {

constexpr std::int64_t starved_retry_ns =
    10'000'000;  // how soon to ask again for a stack that could not be mapped
constexpr std::int64_t trim_after_ns =
    100'000'000;  // how long a worker must have been idle before it frees memory
constexpr std::int64_t trim_slice_ns = 2'000'000;  // how long it may do so before it looks at its inbox again
constexpr std::int64_t spin_min_ns = 2'000;        // where the adaptive spin begins
constexpr std::uint8_t vain_spins_max = 4;         // a guess
constexpr std::uint8_t sleeps_without_spin = 250;  // then the vain spins cost no more than a tenth of these
constexpr std::uint32_t steal_max = 32;            // what one theft may bring (Go takes half of 256)

// Stacks begin at the same offset of a page, so the hot lines of all fibers would share a few sets of the
// caches. So each stack's first frame is moved down by a multiple of 64 bytes, where that does not cost a
// page. Measured, ns per yield of 1000 fibers: 11.2 without colours, 7.3 with 8, 6.7 with 16, 6.5 with 32,
// which take half a page.
constexpr std::size_t colours = 16;

inline std::size_t colour_of(const std::byte* stack, stack_class c) noexcept {
  return c == stack_class::kib4 ? 0
                                : (reinterpret_cast<std::uintptr_t>(stack) >> std::countr_zero(stride(c))) %
                                      colours * cache_line;
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

worker::worker(scheduler& owner, unsigned index)
    : index_{index},
      limited_{owner.admission().limited()},
      queue_{owner.workers_planned() > 1},
      blocks_{process_slabs<sizeof(fiber)>()},
      stacks_{owner.stacks()},
      timers_{steady_ns()},
      owner_{owner},
      random_{index * 2654435761u + 1} {
  stop_message_.deliver = [](message&, worker& receiver) noexcept { receiver.stop_fibers(); };
  exit_message_.deliver = [](message&, worker& receiver) noexcept { receiver.exiting_ = true; };
  nudge_message_.deliver = [](message&, worker& receiver) noexcept {
    receiver.nudge_owed_ = false;
    receiver.steal();
    receiver.owner_.search_ended();
  };
}

worker::~worker() = default;

// --- suspension, the cold halves

void worker::yield_slow(fiber& self) noexcept {
  enter_runtime();
  if (budget_ > 0 && queue_.empty()) return leave_runtime(self);  // alone: the batch goes on with it
  queue_.push(self);
  switch_from(self);
}

void worker::yield_in_catch() noexcept {
  const exception_parking parked{exceptions_};
  --budget_;
  yield_slow(*running());
}

void worker::suspend_in_catch(fiber& self) noexcept {
  const exception_parking parked{exceptions_};
  enter_runtime();
  switch_from(self);
}

void worker::call_on_thread_stack(fiber& self, void (*call)(void*) noexcept, void* argument) noexcept {
  fiber* const was = running();  // null if weft's own code calls, at the end of `self`
  enter_runtime();
  const exception_parking parked{exceptions_};
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
// stack
// than the fiber that switches away here has to spare.
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

fiber* worker::begin_on(fiber& f, std::byte* stack) noexcept {
  context_create(f.where, stack, usable(f.stack_size) - colour_of(stack, f.stack_size), fiber_main);
  f.stack = stack;
  settle(f);
  return &f;
}

// From here on the fiber is this worker's, for good.
void worker::settle(fiber& f) noexcept {
  f.home.store(this, std::memory_order_relaxed);
  f.state.store(fiber_state::started, std::memory_order_release);
  // Against request_stop(): the fiber, which looks for a stop before it waits, or the stopper sees the other.
  light_fence();
  if (owner_.stopping()) [[unlikely]]
    request_stop(f, stop_reason::parent);
}

// Ends the running fiber, on its own stack. Returns the next fiber if that can go on with this very stack, as
// an unstarted one of the same class can: no switch, and the stack is hot. Otherwise switches away for good.
fiber* worker::end(fiber& self) noexcept {
  enter_runtime();
  std::byte* const stack = self.stack;
  const stack_class size = self.stack_size;
  context here = self.where;
  if (limited_) [[unlikely]]
    owner_.admission().leave();  // before the join ends: who comes from there finds room
  complete(self);
  if (starved_ != nullptr) [[unlikely]]
    retry_starved();

  if (--budget_ > 0) {
    if (fiber* next = queue_.pop()) {
      if (next->stack == nullptr && next->stack_size == size) {
        next->where = here;
        next->stack = stack;
        settle(*next);
        return next;
      }
      stacks_.give(
          size,
          stack);  // if `next` needs a stack, then of another class: not this one, on which we still are
      if (next->stack == nullptr) next = begin(*next);
      if (next != nullptr) {
        leave_runtime(*next);
        leave_for_good(here, next->where);
      }
      leave_for_good(here, loop_);
    }
  }
  stacks_.give(size, stack);
  leave_for_good(here, loop_);
}

void worker::leave_for_good(context& from, context& to) noexcept {
  context_destroy(dead_);  // the one before: its stack was left long ago
  dead_ = from;
  context_switch_last(dead_, to);
}

// Publishes the outcome; `self` may be gone afterwards.
void worker::complete(fiber& self) noexcept {
  self.state.store(fiber_state::ended, std::memory_order_relaxed);
  std::byte* const stack = std::exchange(self.stack, nullptr);
  // Adds the bit, which is not set, because that is one instruction where fetch_or is a loop.
  const std::uint64_t before = self.control.fetch_add(fiber::ended, std::memory_order_acq_rel);
  const bool stop_on_its_way = (before & (fiber::posted | fiber::delivered)) == fiber::posted;
  if ((before & fiber::detached) != 0) {
    if (self.outcome != nullptr) [[unlikely]]
      return complete_unseen(self, stack);
    release_fiber(self);
  } else if (const std::uint64_t joiner = before & fiber::joiner_mask) {
    auto& waiter = *reinterpret_cast<parker*>(joiner & ~fiber::joiner_sole);
    if ((joiner & fiber::joiner_sole) != 0) {
      waiter.end(self.join_number);
      waiter.resume();
    } else if (waiter.claim(self.join_number, wake_reason::woken)) {
      waiter.resume();
    } else {
      self.joiner_left.store(true, std::memory_order_release);
    }
  }
  if (!stop_on_its_way) [[likely]]
    count_finished();  // else deliver_stop() does: this worker must live until then
}

// An outcome that nobody will see goes where it may wait, for its destructor is user's code: in its own
// fiber, which for that has not ended yet. It was detached, so nobody else has seen it end.
void worker::complete_unseen(fiber& self, std::byte* stack) noexcept {
  self.control.fetch_sub(fiber::ended, std::memory_order_acq_rel);
  self.stack = stack;
  self.state.store(fiber_state::started, std::memory_order_release);
  leave_runtime(self);
  if (has_failed(self))
    call_on_thread_stack(
        self, [](void* p) noexcept { current()->owner().report_unseen(*static_cast<fiber*>(p)); }, &self);
  if (self.outcome != nullptr) std::exchange(self.outcome, nullptr)->drop(self);
  enter_runtime();
  complete(self);
}

void worker::count_finished() noexcept {
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

// --- the loop

void worker::run() noexcept {
  if (!open()) return;
  const alternate_stack signals_run_here;
  while (!exiting_) {
    take_messages();
    turn_timers();
    if (poller_->ready()) poller_->turn(deadline::past());
    if (!queue_.empty()) run_batch();
    else if (!exiting_) idle();
  }
  close();
}

bool worker::open() noexcept {
  this_thread.current = this;
  exceptions_ = thread_exception_state();
  counters_.signal_masks = 1;  // os_thread's
  context_adopt_thread(loop_);
  if (owner_.settings().pin) {
    if (const std::error_code error = pin_to_cpu(index_))
      owner_.report("a worker could not be pinned: " + error.message());
  }
  auto made = make_poller({.backend = owner_.settings().backend,
                           .queue_depth = owner_.settings().queue_depth,
                           .offload = &owner_.offload()});
  if (made) {
    poller_ = std::move(*made);
    inbox_.attach(*poller_);
  }
  owner_.worker_opened(made ? std::error_code{} : made.error());
  return made.has_value();
}

void worker::close() noexcept {
  context_destroy(dead_);
  inbox_.quiesce();
  poller_.reset();
  this_thread.current = nullptr;
}

void worker::run_batch() noexcept {
  idle_since_ = 0;
  if (nudge_owed_) [[unlikely]]
    owner_.pass_nudge_on();  // we were nudged, but something else was here first, and may keep us
  queue_.refill();
  const int size = static_cast<int>(batch_size(queue_.size()));
  budget_ = size;
  fiber* first = queue_.pop_lower();
  if (first == nullptr) first = queue_.pop();
  if (first != nullptr && first->stack == nullptr) first = begin(*first);
  if (first != nullptr) enter(*first);
  while (stackless_ != nullptr)
    if (fiber* const f = begin_slow(*std::exchange(stackless_, nullptr))) enter(*f);
  ++counters_.batches;
  counters_.switches += static_cast<std::uint64_t>(size - std::max(budget_, 0));
  if (queue_.shared() && queue_.unstarted() != 0 && owner_.may_nudge()) owner_.nudge_one();
}

// Runs fibers until one switches back, and the calls that they want made here.
void worker::enter(fiber& f) noexcept {
  leave_runtime(f);
  context_switch(loop_, f.where);
  while (call_ != nullptr) {
    std::exchange(call_, nullptr)(call_argument_);
    context_switch(loop_, *caller_);
  }
  enter_runtime();
}

bool worker::take_messages() noexcept {
  message* m = inbox_.take();
  const bool any = m != nullptr;
  while (m != nullptr) {
    message* const next = m->next;  // read now: delivered, it is its owner's again
    m->deliver(*m, *this);
    ++counters_.messages;
    m = next;
  }
  return any;
}

void worker::turn_timers() noexcept {
  if (!timers_.empty()) timers_.advance(steady_ns());
  if (starved_ == nullptr) [[likely]]
    return;
  owner_.report_no_stack(*starved_);
  if (steady_ns() >= starved_until_) retry_starved();
}

bool worker::steal() noexcept {
  const auto& all = owner_.workers();
  const std::size_t count = all.size();
  if (count < 2) return false;
  random_ = random_ * 1664525u + 1013904223u;
  fiber* loot[steal_max];
  for (std::size_t i = 0, at = random_ % count; i < count; ++i, at = (at + 1) % count) {
    worker& victim = *all[at];
    if (&victim == this) continue;
    const std::uint32_t n = run_queue::steal(victim.queue_, loot, steal_max);
    for (std::uint32_t k = 0; k < n; ++k) queue_.push_unstarted(*loot[k]);
    counters_.steals += n;
    if (n != 0) return true;
  }
  return false;
}

// Nothing is ready: looks elsewhere, tidies up, and sleeps.
void worker::idle() noexcept {
  if (steal()) return;
  if (owner_.stopping()) owner_.check_ended();
  if (spin()) return;
  sleep();
}

// Spinning pays if what one waits for comes sooner than a sleep and a wake-up would take. So the time is
// doubled when the spin was enough, or the sleep after it short, and halved when the sleep was long. If time
// after time no spin is enough and yet the sleep is short, whoever we wait for seems to want our processor.
bool worker::spin() noexcept {
  const std::int64_t longest = owner_.settings().spin.count();
  if (longest <= 0 || spin_ns_ <= 0) return false;
  const std::int64_t begin = steady_ns();
  const std::int64_t end = std::min(begin + std::min(spin_ns_, longest), timers_.next());
  do {
    for (int i = 0; i < 16; ++i) {
      if (inbox_.pending() || poller_->ready()) {
        spin_ns_ = std::min(spin_ns_ * 2, longest);
        vain_spins_ = 0;
        return true;
      }
      spin_pause();
    }
    if (queue_.shared() && steal()) return true;
  } while (steady_ns() < end);
  if (end == begin + longest) ++vain_spins_;
  return false;
}

void worker::sleep() noexcept {
  const std::int64_t begin = steady_ns();
  if (idle_since_ == 0) idle_since_ = begin;
  deadline until;
  until.at = timers_.next();
  if (starved_ != nullptr) until.at = std::min(until.at, starved_until_);
  const bool counts = owner_.sleepers().on() && is_quiet(begin, until);
  if (idle_since_ > 0) {
    if (begin - idle_since_ >= trim_after_ns) {
      if (trim()) return;
    } else {
      until.at = std::min(until.at, idle_since_ + trim_after_ns);
    }
  }
  const bool may_be_nudged = queue_.shared() && !nudge_owed_;
  if (may_be_nudged) owner_.became_idle(idle_);
  if (!steal() && inbox_.fall_asleep()) {  // in this order: who adds work after the theft finds us idle
    ++counters_.sleeps;
    if (counts && owner_.sleepers().enter()) until.at = std::min(until.at, begin + census::idle_ns);
    poller_->turn(until);
    inbox_.wake_up();
    if (counts) owner_.sleepers().leave();
    adapt_spin(steady_ns() - begin);
  }
  if (may_be_nudged) nudge_owed_ = !owner_.became_busy(idle_);
}

// Whether nothing has run here for as long as the census wants, and only a message can change that. If it is
// too early to say, `until` becomes the time to ask again.
bool worker::is_quiet(std::int64_t now, deadline& until) noexcept {
  if (quiet_batches_ != counters_.batches) {
    quiet_batches_ = counters_.batches;
    quiet_since_ = now;
  }
  if (!timers_.empty() || starved_ != nullptr || poller_->in_flight() != 0) return false;
  const std::int64_t then = quiet_since_ + census::idle_ns;
  if (now < then) until.at = std::min(until.at, then);
  return now >= then;
}

// After a spin in vain, or none, and a sleep.
void worker::adapt_spin(std::int64_t slept_ns) noexcept {
  const std::int64_t longest = owner_.settings().spin.count();
  if (slept_ns >= longest) {
    spin_ns_ = spin_ns_ > spin_min_ns ? spin_ns_ / 2 : 0;
    vain_spins_ = 0;
  } else if (spinless_sleeps_ > 0) {
    --spinless_sleeps_;
  } else if (vain_spins_ >= vain_spins_max) {
    spin_ns_ = 0;
    vain_spins_ = 0;
    spinless_sleeps_ = sleeps_without_spin;
  } else {
    spin_ns_ = std::clamp(spin_ns_ * 2, std::min(spin_min_ns, longest), longest);
  }
}

// Frees memory that the idle worker does not need, a slice at a time. True: there is more, and other work may
// have come.
bool worker::trim() noexcept {
  const deadline slice{std::chrono::nanoseconds{trim_slice_ns}};
  if (stacks_.trim(slice) || blocks_.trim(slice) || trim_pools(slice)) return true;
  idle_since_ = -1;  // done, until a fiber has run again
  return false;
}

}  // namespace weft::detail

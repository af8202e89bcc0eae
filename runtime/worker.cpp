#include <weft/runtime/worker.hpp>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include <weft/pools/pool_registry.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/overflow.hpp>
#include <weft/runtime/preempt/preempt_signal.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/trace/events.hpp>

namespace weft::detail {
namespace {

constexpr std::int64_t trim_after_ns =
    100'000'000;  // how long a worker must have been idle before it frees memory
constexpr std::int64_t trim_slice_ns = 2'000'000;  // how long it may do so before it looks at its inbox again
constexpr std::int64_t spin_min_ns = 2'000;        // where the adaptive spin begins
constexpr std::uint8_t vain_spins_max = 4;         // a guess
constexpr std::uint8_t sleeps_without_spin = 250;  // then the vain spins cost no more than a tenth of these
constexpr std::uint32_t steal_max = 32;            // what one theft may bring (Go takes half of 256)

}  // namespace

worker::worker(scheduler& owner, unsigned index)
    : index_{index},
      limited_{owner.admission().limited()},
      timed_{owner.settings().fiber_times},
      asserts_{owner.settings().assert_may_block},
      watches_{limited_ || timed_ || owner.settings().stack_census},
      queue_{owner.workers_planned() > 1},
      blocks_{process_slabs<sizeof(fiber)>()},
      stacks_{owner.stacks_of(index)},
      timers_{steady_ns()},
      owner_{owner},
      histograms_{simulated ? nullptr : std::make_unique<worker_histograms>()},
      passes_left_{simulated ? 0 : worker_histograms::sample_every},
      random_{index * 2654435761u + 1} {
  stop_message_.deliver = [](message&, worker& receiver) noexcept { receiver.stop_fibers(); };
  exit_message_.deliver = [](message&, worker& receiver) noexcept { receiver.exiting_ = true; };
  newcomers_message_.deliver = [](message&, worker& receiver) noexcept {
    for (message* m = receiver.newcomers_.take_told(); m != nullptr;) {
      message* const next = m->next;
      receiver.accept(static_cast<fiber&>(*m));
      m = next;
    }
  };
  nudge_message_.deliver = [](message&, worker& receiver) noexcept {
    receiver.nudge_owed_ = false;
    receiver.steal();
    receiver.owner_.search_ended();
  };
}

worker::~worker() = default;

void worker::run() noexcept {
  if (!open()) return;
  const alternate_stack signals_run_here;
  admit_preempt_signal(*this, signals_run_here.in_place() ? owner_.preempt_signal() : 0);
  owner_.worker_opened({});
  while (!exiting_) {
    count_pass();
    if (--passes_left_ == 0) [[unlikely]] {
      sampled_pass();
      continue;
    }
    take_messages();
    turn_timers();
    if (poller_->ready()) poller_->turn(deadline::past());
    if (!queue_.empty()) run_batch();
    else if (!exiting_) idle();
  }
  close();
}

// The same with a look at the clock in between.
void worker::sampled_pass() noexcept {
  passes_left_ = worker_histograms::sample_every;
  take_messages();
  turn_timers();
  std::int64_t now = steady_ns();
  if (poller_->ready()) {
    poller_->turn(deadline::past());
    const std::int64_t began = std::exchange(now, steady_ns());
    histograms_->poll.record(now - began);
  }
  counters_.ready = queue_.size();
  counters_.timers = timers_.size();
  counters_.in_flight = poller_->in_flight();
  if (queue_.empty()) {
    if (!exiting_) idle();
    return;
  }
  if (probed_since_ == 0) {
    probed_since_ = now;
    probe_ahead_ = static_cast<std::uint32_t>(queue_.size() - 1);
  }
  run_batch();
  histograms_->batch.record(steady_ns() - now);
}

// Ends the batch where it is the probed fiber's turn, or measures if that is now.
int worker::run_to_probe(int size) noexcept {
  if (probe_ahead_ != 0) return static_cast<int>(std::min(static_cast<std::uint32_t>(size), probe_ahead_));
  histograms_->schedule_latency.record(steady_ns() - std::exchange(probed_since_, 0));
  return size;
}

bool worker::open() noexcept {
  this_thread.current = this_thread.waker = this;
  own_exceptions_ = thread_exception_state();
  watch_suspensions();
  counters_.signal_masks = 1;  // os_thread's
  context_adopt_thread(loop_);
  if (const std::error_code error = owner_.places().bind(index_)) owner_.report_unbound(error);
  auto made = make_poller({.backend = owner_.settings().backend,
                           .queue_depth = owner_.settings().queue_depth,
                           .offload = &owner_.offload(),
                           .counters = &io_counters_});
  if (made) {
    poller_ = std::move(*made);
    backend_.set(poller_->name());
    inbox_.attach(*poller_);
  }
  if (!made) owner_.worker_opened(made.error());
  return made.has_value();
}

void worker::close() noexcept {
  dead_.annotation.destroy();
  inbox_.quiesce();
  poller_.reset();
  this_thread.current = this_thread.waker = nullptr;
}

void worker::run_batch() noexcept {
  idle_since_ = 0;
  if (nudge_owed_) [[unlikely]]
    owner_.pass_nudge_on();  // we were nudged, but something else was here first, and may keep us
  if (trace_mode_ != trace::detail::mode.get()) [[unlikely]]
    trace_changed();
  queue_.refill();
  int size = static_cast<int>(batch_size(queue_.size()));
  if (probed_since_ != 0) [[unlikely]]
    size = run_to_probe(size);
  budget_.set(size);
  fiber* first = queue_.pop_lower();
  if (first == nullptr) first = queue_.pop();
  const bool begins = first != nullptr && first->stack == nullptr;
  if (begins) first = begin(*first);
  if (first != nullptr) enter(*first, begins);
  while (stackless_ != nullptr)
    if (fiber* const f = begin_slow(*std::exchange(stackless_, nullptr))) enter(*f, /*begins=*/true);
  ++counters_.batches;
  const auto ran = static_cast<std::uint32_t>(std::max(size - std::max(budget_.get(), 0) - cut_.get(), 0));
  cut_.set(0);
  counters_.switches += ran;
  counters_.batch_sizes.record(ran);
  if (probed_since_ != 0) [[unlikely]]
    probe_ahead_ = queue_.empty() ? 0 : probe_ahead_ - std::min(probe_ahead_, ran);
  if (queue_.shared() && queue_.unstarted() != 0 && owner_.may_nudge()) owner_.nudge_one();
}

// Runs fibers until one switches back, and the calls that they want made here.
void worker::enter(fiber& f, bool begins) noexcept {
  if (traced_ || timed_) [[unlikely]] {
    if (timed_) clock_.enter();
    note_going_on(f, begins);
  }
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
    if (n != 0 && traced_) trace::detail::stole(n, victim.index_);
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
  ++counters_.spins;
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
    count_pass();
    if (queue_.shared() && steal()) return true;
  } while (steady_ns() < end);
  if (end >= timers_.next()) {
    spin_ns_ = std::min(spin_ns_ * 2, longest);
    return true;
  }
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
    if (begin - idle_since_ >= trim_after_ns && trim()) return;
    if (idle_since_ > 0) until.at = std::min(until.at, idle_since_ + trim_after_ns);
  }
  const bool may_be_nudged = queue_.shared() && !nudge_owed_;
  if (may_be_nudged) owner_.became_idle(idle_);
  if (!steal() && inbox_.fall_asleep()) {  // in this order: who adds work after the theft finds us idle
    ++counters_.sleeps;
    counters_.ready = 0;
    counters_.timers = timers_.size();
    counters_.in_flight = poller_->in_flight();
    if (counts && owner_.sleepers().enter()) until.at = std::min(until.at, begin + census::idle_ns);
    poller_->turn(until);
    inbox_.wake_up();
    owner_.monitor_doze().worker_woke();
    if (counts) owner_.sleepers().leave();
    const std::int64_t slept = steady_ns() - begin;
    if (histograms_ != nullptr) histograms_->sleep.record(slept);
    adapt_spin(slept);
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
  // Done, until a fiber has run again, or stacks that were kept for a burst turn out not to be needed.
  const std::int64_t again = stacks_.shrinks_at();
  idle_since_ = again == INT64_MAX ? -1 : again - trim_after_ns;
  return false;
}

}  // namespace weft::detail

#include <weft/runtime/condition_variable.hpp>

#include <utility>

namespace weft::detail {

condition_wait::condition_wait(condition_queue& of) noexcept : of_{of} {
  const std::uint32_t state = of_.state_.lock();
  of_.waits_.push_back(*this);
  of_.state_.unlock(state | condition_queue::waiting);
}

wake_reason condition_wait::sleep(deadline until, bool cancellable, const std::stop_token* stop) noexcept {
  over_ = true;
  if (phase_.load(std::memory_order_acquire) == phase::notified) return wake_reason::woken;
  list_waiter w{cancellable};
  w.at = &of_;
  who_ = w.who;
  number_ = w.number;
  phase expected = phase::entering;
  if (!phase_.compare_exchange_strong(expected, phase::parked, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
    w.who->end(w.number);
    return wake_reason::woken;
  }
  const wake_reason how = stop == nullptr || !stop->stop_possible()
                              ? park(w, until, park_reason::condition_variable)
                              : park_until_stop(w, until, *stop);
  if (how != wake_reason::woken) leave();
  return how;
}

wake_reason condition_wait::park_until_stop(wait& w, deadline until, const std::stop_token& stop) noexcept {
  // Nothing here is touched once the claim is won: the waiter may have gone.
  const auto end = [at = w.who, number = w.number]() noexcept {
    parker* const who = at;
    if (who->claim(number, wake_reason::canceled)) who->resume();
  };
  const std::stop_callback on_stop{stop, end};
  return park(w, until, park_reason::condition_variable);
}

// Gives up. Whoever has notified us has let go of us, and the queue may be gone.
void condition_wait::leave() noexcept {
  if (phase_.exchange(phase::leaving, std::memory_order_acq_rel) == phase::notified) return;
  std::uint32_t state = of_.state_.lock();
  if (linked()) unlink();
  else state -= condition_queue::one_leaver;
  of_.state_.unlock(of_.waits_.empty() ? state & ~condition_queue::waiting : state);
}

// Those on the way run, or are about to: nothing of theirs waits for us.
condition_queue::~condition_queue() {
  while (state_.peek() >= one_leaver) spin_pause();
  WEFT_ASSERT(waits_.empty(), "a condition_variable was destroyed while somebody waits for it");
}

void condition_queue::notify_slow(bool all) noexcept {
  intrusive_list<condition_wait> to_resume;  // fibers, whose frames stay until they are resumed
  std::uint32_t state = state_.lock();
  while (condition_wait* const w = waits_.pop_front()) {
    const answer found = notify(*w, state);
    if (found == answer::to_resume) to_resume.push_back(*w);
    if (found != answer::gone && !all) break;
  }
  state_.unlock(waits_.empty() ? state & ~waiting : state);  // the queue may be gone from here on
  while (condition_wait* const w = to_resume.pop_front()) w->who_->resume();
}

// Lets go of one that is unlinked. Unless it is a fiber to resume, it may be gone as soon as its phase says
// so.
condition_queue::answer condition_queue::notify(condition_wait& w, std::uint32_t& state) noexcept {
  using phase = condition_wait::phase;
  parker* who = nullptr;
  std::uint32_t number = 0;
  phase seen = w.phase_.load(std::memory_order_acquire);
  do {
    if (seen == phase::leaving) {
      state += one_leaver;
      return answer::gone;
    }
    if (seen == phase::parked) {
      who = w.who_;
      number = w.number_;
    }
  } while (!w.phase_.compare_exchange_weak(seen, phase::notified, std::memory_order_acq_rel,
                                           std::memory_order_acquire));
  if (seen == phase::entering) return answer::awake;
  if (!who->claim(number, wake_reason::woken)) return answer::gone;
  if (who->is_fiber()) return answer::to_resume;
  who->resume();
  return answer::awake;
}

}  // namespace weft::detail

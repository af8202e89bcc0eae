// Whether a worker is held up, decided from what it looks like at each tick of the monitor: pure, so that
// tests run it in virtual time.
//
// A worker that moves on changes its pulse: each switch changes who runs or what is left of the batch, and
// each pass of the loop is counted. A pulse that stays the same for a slice means that one fiber has run all
// along, or that weft's own code or a call on the thread's stack has.
//
// Time on the clock and time on the processor are two things. A fiber that computes is a hog once it has had
// its slice of the processor; a thread that the kernel lets wait for one is nobody's fault. A fiber that
// sleeps in a system call uses no processor, and stalls its worker all the same.
#pragma once

#include <cstdint>

namespace weft::detail {

/// What a worker looks like from outside. `running` is only compared.
struct worker_pulse {
  const void* running = nullptr;  // null: weft's own code, or a call on the thread's stack
  int budget = 0;
  std::uint64_t pass = 0;
  bool asleep = false;

  /// A fiber that calls on the thread's stack, and is seen now there and now here, has not moved on.
  bool operator==(const worker_pulse& other) const noexcept {
    return budget == other.budget && pass == other.pass && asleep == other.asleep &&
           (running == other.running || running == nullptr || other.running == nullptr);
  }
};

/// What the monitor is to do about a worker.
struct hog_verdict {
  bool take_over = false;  // others take what it has not begun
  bool preempt = false;    // the signal: its batch is cut short, and a region is left
  bool stalled = false;    // for the first time: report it
  bool blocked = false;    // it sleeps in a system call, so a signal would interrupt that
  std::int64_t held_ns = 0;
};

class hog_watch {
 public:
  /// `slice_ns`, `stall_ns`: 0 is never. `eager`: what sleeps in a system call is a stall at once.
  hog_watch(std::int64_t slice_ns, std::int64_t stall_ns, bool eager) noexcept
      : slice_ns_{slice_ns}, stall_ns_{stall_ns}, eager_{eager} {}

  /// Whether it has done something since the last look.
  bool has_moved(const worker_pulse& pulse) const noexcept { return pulse != last_; }

  /// One look, at the time `now`. `cpu_ns`: the processor time of the worker's thread so far. `in_region`:
  /// the fiber that runs may be switched out anywhere, so asking again makes sense. `sleeps()`: whether the
  /// thread sleeps in a system call; called only if it matters.
  template <class Sleeps>
  hog_verdict look(const worker_pulse& pulse, std::int64_t now, std::int64_t cpu_ns, bool in_region,
                   Sleeps&& sleeps) {
    if (pulse.asleep || pulse != last_) {
      last_ = pulse;
      since_ = now;
      cpu_since_ = cpu_ns;
      asked_ = reported_ = false;
      return {};
    }
    if (pulse.running != nullptr) last_.running = pulse.running;
    hog_verdict v{.held_ns = now - since_};
    const std::int64_t computed = cpu_ns - cpu_since_;
    if (slice_ns_ != 0) {
      // The look before may have been a little late, and this one is not: that is a slice too.
      v.take_over = v.held_ns >= slice_ns_ - slice_ns_ / 4;
      // Half a slice on the processor will do: the clock that woke the monitor is not that of the thread.
      v.preempt =
          v.take_over && computed >= slice_ns_ / 2 && pulse.running != nullptr && (!asked_ || in_region);
    }
    const bool late = stall_ns_ != 0 && v.held_ns >= stall_ns_;
    const bool early = eager_ && pulse.running != nullptr;
    if (v.preempt || (!reported_ && (late || early))) v.blocked = sleeps();
    if (v.blocked) v.preempt = false;
    v.stalled = !reported_ && ((late && (v.blocked || computed >= stall_ns_ / 2)) || (early && v.blocked));
    asked_ |= v.preempt;
    reported_ |= v.stalled;
    return v;
  }

 private:
  std::int64_t slice_ns_, stall_ns_;
  bool eager_;
  worker_pulse last_{.asleep = true};
  std::int64_t since_ = 0;      // when it was first seen like this
  std::int64_t cpu_since_ = 0;  // and what it had computed by then
  bool asked_ = false;
  bool reported_ = false;
};

/// How many reports of one kind go out: one a second, and the next says how many did not.
class report_rate {
 public:
  /// Whether one may go out at the time `now`.
  bool admit(std::int64_t now) noexcept {
    constexpr std::int64_t interval_ns = 1'000'000'000;
    if (last_ != 0 && now - last_ < interval_ns) {
      ++suppressed_;
      return false;
    }
    last_ = now;
    return true;
  }

  /// How many did not since the last call.
  std::uint64_t take_suppressed() noexcept {
    const std::uint64_t n = suppressed_;
    suppressed_ = 0;
    return n;
  }

 private:
  std::int64_t last_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace weft::detail

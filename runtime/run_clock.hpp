// How long fibers have run, with options.fiber_times: a look at the clock at every switch.
//
// What is kept of a fiber lies at the upper end of its stack, where a page is in use anyway: a control block
// has no room. Its home worker alone may look there. Of the fiber that runs, the worker has a copy, for those
// who look at a worker that does not answer.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/pools/stack_class.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/fiber.hpp>

namespace weft::detail {

/// In ns.
struct fiber_times {
  std::int64_t began = 0;  // when it first ran, by steady_ns()
  std::int64_t ran = 0;    // until its last switch
};

class run_clock {
 public:
  /// What a stack has to leave free at its upper end.
  static constexpr std::size_t room = cache_line;

  /// Of a started fiber of a worker with a clock. Its home worker only.
  static fiber_times& times_of(const fiber& f) noexcept {
    return *reinterpret_cast<fiber_times*>(f.stack + usable(f.stack_size) - room);
  }

  /// The worker turns to its fibers.
  void enter() noexcept { since_.set(steady_ns()); }

  /// `f` is about to run; `begins`: for the first time.
  void goes_on(const fiber& f, bool begins) noexcept {
    fiber_times& its = times_of(f);
    if (begins) its = {.began = since_.get()};
    began_.set(its.began);
    before_.set(its.ran);
  }

  /// It does no more, for now. Its time ends, and that of the next begins.
  void leaves(const fiber& f) noexcept {
    const std::int64_t now = steady_ns();
    before_.set(before_.get() + now - since_.get());
    times_of(f).ran = before_.get();
    since_.set(now);
  }

  /// Of the fiber that runs. Any thread; nonsense if it is just about to change.
  fiber_times running(std::int64_t now) const noexcept {
    return {.began = began_.get(), .ran = before_.get() + now - since_.get()};
  }

 private:
  exposed<std::int64_t> since_{0};   // the last switch
  exposed<std::int64_t> began_{0};   // of the fiber that runs
  exposed<std::int64_t> before_{0};  // how long it had run by then
};

}  // namespace weft::detail

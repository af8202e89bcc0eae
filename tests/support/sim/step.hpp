// The hook that every atomic operation, fence, futex call and spin pause of a simulated program calls before
// it happens.
//
// A step is a decision: the simulator may suspend the calling simulated thread here and let any other go on.
// The answer is almost always `plain`; a mutation (mutation.hpp) or a spurious failure says otherwise.
// Outside of a world, and on the thread of the test itself, a step decides nothing.
#pragma once

#include <cstdint>
#include <source_location>

namespace weft::detail {

enum class step_kind : std::uint8_t {
  none,
  load,
  store,
  exchange,
  compare_exchange,
  compare_exchange_weak,  // may fail though the value is the expected one
  fetch,                  // fetch_add and its like
  fence,
  pause,
  futex_wait,
  futex_wake,
  poll,    // the poller: before it looks for completions
  notify,  // the poller: before it is woken
  start,   // a simulated thread begins
  block,   // the simulator's own reasons to wait: joins, run()
};

const char* to_string(step_kind kind) noexcept;

enum class step_verdict : std::uint8_t {
  plain,    // do it
  fail,     // a compare_exchange_weak fails spuriously; a futex_wait returns at once
  dropped,  // mutated: do not store, read what was there before the last change, wake nobody
  torn,     // mutated: a read-modify-write loads, lets others run, and then stores
};

struct simulator;

/// The world that runs now. Null: none does, and steps cost this one test.
extern simulator* active_simulator;

/// Set while a trace is recorded or a mutation of a load is active: then steps report the values they saw.
extern bool steps_report_values;

step_verdict decide_step(step_kind kind, const volatile void* address,
                         const std::source_location& site) noexcept;

/// Another decision, after a change: whoever sees it may be on its way before the author does anything more.
/// It matters for memory that the change gives away.
void decide_after_change() noexcept;

/// What the memory at `address` held before and after a step.
void report_values(const volatile void* address, std::uint64_t before, std::uint64_t after) noexcept;

/// What `address` held before its last change, or `now` if it never changed.
std::uint64_t stale_value(const volatile void* address, std::uint64_t now) noexcept;

inline step_verdict step(step_kind kind, const volatile void* address,
                         const std::source_location& site) noexcept {
  if (active_simulator == nullptr) return step_verdict::plain;
  return decide_step(kind, address, site);
}

inline void after_change() noexcept {
  if (active_simulator != nullptr) decide_after_change();
}

}  // namespace weft::detail

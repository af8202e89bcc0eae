// Futexes of simulated threads. The comparison and the falling asleep are one step, as in the kernel.
#include <cstdio>
#include <cstdlib>

#include <sim/simulator.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until,
                std::source_location site) noexcept {
  static_assert(sizeof word == sizeof expected);
  if (until.is_past()) return false;
  simulator* const world = active_simulator;
  if (world == nullptr) {
    std::fputs("sim: futex_wait outside of a world\n", stderr);
    std::abort();
  }
  const step_verdict verdict = world->decide(step_kind::futex_wait, &word, site);
  std::uint32_t value = 0;
  __builtin_memcpy(&value, &word, sizeof value);  // no step of its own
  if (steps_report_values) report_values(&word, value, value);
  if (value != expected || verdict == step_verdict::fail) return true;
  if (until.at <= world->now) return false;
  return world->block(&word, until.at);
}

void futex_wake(const atomic<std::uint32_t>* word, int count, std::source_location site) noexcept {
  if (active_simulator == nullptr) return;
  if (active_simulator->decide(step_kind::futex_wake, word, site) == step_verdict::dropped) return;
  active_simulator->wake(word, count);
  after_change();
}

}  // namespace weft::detail

// One run: all connections open, then the warm-up, then the measured time.
//
// The connections are shared out among the workers once, and each worker has a tally and, in an open loop, a
// schedule of its own: nothing is shared while requests go on.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "load_plan.hpp"
#include "tally.hpp"
#include "target.hpp"

struct load_result {
  totals counted;
  double seconds = 0;             // that were measured
  double cpu_seconds = 0;         // that this process has used meanwhile
  std::uint64_t waited_long = 0;  // of those unanswered, longer than any answer took; in the latencies
  bool interrupted = false;       // by SIGINT or SIGTERM
};

/// Connects, loads and measures; `show_progress`: with a line on standard error, once a second. Why nothing
/// could be measured, in a line for people.
///
/// Blocks     the calling fiber, for as long as `plan` says, or until SIGINT or SIGTERM.
std::expected<load_result, std::string> run_load(target at, const load_plan& plan, unsigned workers,
                                                 bool show_progress);

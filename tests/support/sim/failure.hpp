// How a world ends that has failed.
#pragma once

#include <stdexcept>

namespace weft {

/// Thrown out of run() and its like when the world has failed and is no child of an exploration; the report
/// is out by then.
struct sim_failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

struct simulator;

/// On the test's thread, for a simulator whose `failure` is set: in a child of an exploration, leaves the
/// report to the parent and exits; else prints it, adds a failure to the running test and throws sim_failure.
[[noreturn]] void report_failure(simulator& world);

}  // namespace detail
}  // namespace weft

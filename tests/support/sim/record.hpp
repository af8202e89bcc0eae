// What a world leaves behind: which seed ran, how it failed, its last steps, the places that made steps.
//
// In memory that a child process shares with its parent, so that it outlives an abort or a crash in the
// middle of a seed. Strings in it are literals of the executable, which both processes have at the same
// addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>

#include <sim/step.hpp>

namespace weft::detail {

struct traced_step {
  std::uint64_t number;
  std::int64_t now;
  std::uint64_t before;
  std::uint64_t after;
  const volatile void* address;
  std::source_location site;
  unsigned thread;
  step_kind kind;
  step_verdict verdict;
  bool has_values;
};

/// A place in the source that makes steps of one kind.
struct surveyed_site {
  std::source_location site;
  step_kind kind;
};

struct world_record {
  static constexpr std::size_t steps_max = 4096;
  static constexpr std::size_t threads_max = 64;
  static constexpr std::size_t sites_max = 512;

  std::uint64_t seed;  // that runs, or ran last
  std::uint64_t seeds_done;
  std::uint64_t steps;           // of all seeds
  char what[4096];               // why it failed; empty: it has not
  std::uint64_t traced;          // steps ever written; the last steps_max of them are here
  std::uint64_t traced_by_test;  // how many of them before the test had its say
  traced_step trace[steps_max];
  char thread_names[threads_max][16];
  std::size_t sites_count;
  surveyed_site sites[sites_max];
};

world_record& record() noexcept;

/// Forgets everything.
void clear_record() noexcept;

}  // namespace weft::detail

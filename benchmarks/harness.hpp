// Measures rows: what one operation costs in CPU time and in wall time, or how many bytes a thing takes.
//
// A row is a function that does about so many operations and says what the measured part of that took; set-up
// and tear-down are outside. CPU time is the whole process's, user and system, helpers' threads included. The
// harness finds a number of operations that takes long enough, repeats, and reports the median; or, where
// what counts is how long a single one takes, percentiles over all of them. The C++ rivals use this file
// too, so that weft and they are measured by the same code.
#pragma once

#include <cstdint>
#include <ctime>
#include <vector>

namespace bench {

/// What some operations took.
struct sample {
  std::uint64_t operations = 0;
  std::int64_t cpu_ns = 0;
  std::int64_t wall_ns = 0;
};

inline std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec now;
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Measures from its construction to stop().
class stopwatch {
 public:
  stopwatch() noexcept : wall_{clock_ns(CLOCK_MONOTONIC)}, cpu_{clock_ns(CLOCK_PROCESS_CPUTIME_ID)} {}

  sample stop(std::uint64_t operations) const noexcept {
    return {operations, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_, clock_ns(CLOCK_MONOTONIC) - wall_};
  }

 private:
  std::int64_t wall_;
  std::int64_t cpu_;
};

/// How a row wants to be run.
struct row_options {
  std::uint64_t operations = 0;  // exactly so many per repetition; 0: as many as take long enough
  int repetitions = 7;
  bool bytes = false;  // an operation is a byte, so gigabytes per second are told too
};

/// Registers a row of time. `measure` does about as many operations as it is asked for, and says how many.
/// Called before main(), through a variable at namespace scope.
int time_row(const char* name, sample (*measure)(std::uint64_t operations), row_options = {});

/// Registers a row of single operations: `measure` also adds the wall time of each, in ns, to a list.
int latency_row(const char* name,
                sample (*measure)(std::uint64_t operations, std::vector<std::int64_t>& each), row_options);

/// Registers a row of memory: bytes per thing. These run first, while the process is small.
int memory_row(const char* name, double (*bytes)());

/// Bytes of VmRSS and VmPTE of this process.
struct memory {
  double resident = 0;
  double page_tables = 0;
};
memory memory_now();

/// A random number that is the same in every run. Xorshift64.
class random_numbers {
 public:
  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }

 private:
  std::uint64_t state_ = 88172645463325252u;
};

/// The main() of a program of rows; --help tells its flags. The exit status.
int run_rows(int argc, char** argv, const char* program, const char* version = "");

}  // namespace bench

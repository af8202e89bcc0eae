// What weft-top shows: two looks at a process, and what happened in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exposition.hpp"

/// One look.
struct observation {
  exposition metrics;
  std::string fibers;  // JSON, as /debug/fibers?format=json has it
  std::chrono::steady_clock::time_point at;
};

struct named_number {
  std::string name;
  double value = 0;
};

struct worker_row {
  unsigned worker = 0;
  double fibers = 0, parked = 0, ready = 0;
  double switches = 0, sleeps = 0, enters = 0, completions = 0;  // per second
};

/// Fibers that do the same.
struct fiber_group {
  std::uint64_t fibers = 0;
  std::string phase, waits_for, where, spawned_at, name;
};

/// One that ran in between.
struct busy_fiber {
  std::uint64_t id = 0;
  double share = 0;  // of one processor's time
  std::string name, spawned_at, state;
};

struct latency {
  std::string of;
  std::optional<double> p50, p90, p99, p999;  // seconds, at most; none if nothing was measured
};

struct report {
  std::string backend;
  double seconds = 0;                         // between the two looks
  std::vector<named_number> states, reasons;  // fibers now; of reasons, those that there are
  std::vector<named_number> rates;            // per second
  std::vector<latency> latencies;
  std::vector<worker_row> workers;
  std::vector<named_number> connections;  // of HTTP servers, by state; none if there is no server
  std::vector<busy_fiber> busiest;        // first; none if options.fiber_times is not set
  std::vector<fiber_group> groups;        // the largest first
};

/// None: what came is not what /debug/ says.
std::optional<report> compare(const observation& before, const observation& now);

/// For programs: one JSON object, with a line's end.
std::string json_of(const report& r);

/// For people, `columns` wide; of the groups so many.
std::string text_of(const report& r, std::size_t columns, std::size_t groups_max);

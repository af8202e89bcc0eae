// Tracing on and off, and what was recorded. Of the whole process: all runtimes, and foreign threads.
//
//     trace::start();
//     ... work ...
//     trace::stop();
//     write(file, trace::to_chrome(trace::snapshot()));        ui.perfetto.dev opens it
//
// Each thread keeps its newest records in a ring of its own, so that tracing can stay on for ever and one
// looks when something has happened. A worker follows between two batches of fibers.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/trace/recording.hpp>

namespace weft::trace {

struct options {
  /// The share of traces that are recorded, 0 to 1, where their root is here; one that comes from elsewhere
  /// says itself whether it is.
  double sampled = 1;
  /// Whether spawns, starts, parks, wake-ups, thefts and I/O are recorded too, sampled or not: 90 ns
  /// each.
  bool runtime_events = true;
  /// How many records each thread keeps, 16 to 2^24, rounded up to a power of two: 128 bytes each.
  std::size_t records = 8192;
};

/// Begins a trace, and forgets what was recorded before. While one runs: begins another.
///
/// Errors     invalid_argument for options out of range.
/// Safe from  any fiber or thread.
[[nodiscard]] result<void> start(const options& o = {});

/// Records no more; what was recorded stays for snapshot(), and its memory stays taken, until start(). Spans
/// that live still record their end. Safe from any fiber or thread.
void stop() noexcept;

/// Whether a trace runs.
bool running() noexcept;

/// A copy of what was recorded, while recording goes on. Of each thread it is without a gap; between threads
/// there is no order but the time.
///
/// Safe from  any fiber or thread.
/// Cost       an allocation per thread, and a copy of 128 bytes per record: a millisecond per worker.
[[nodiscard]] recording snapshot();

namespace detail {

/// start() unless a trace runs: for who must not disturb the program's own. Gives it a number.
///
/// Errors     as start(); device_or_resource_busy: one runs.
[[nodiscard]] result<std::uint32_t> start_alone(const options& o = {});

/// Whether no start() has come after that which gave this number: it forgot what was recorded.
bool is_latest(std::uint32_t number) noexcept;

/// stop(), if that trace is the latest.
void stop_if_latest(std::uint32_t number) noexcept;

}  // namespace detail
}  // namespace weft::trace

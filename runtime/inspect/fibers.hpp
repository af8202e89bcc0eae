// All fibers of the process: who they are, what they do, what they wait for, and where.
//
// Each fiber is looked at by the worker that it lives on, between two batches, while the others run on: so
// what is said of one fiber is right for one moment, and the moments differ. A worker that does not answer,
// because a fiber hogs it, is named, with that fiber; of the others there is told what can be seen without
// its help, which are no backtraces. Unstarted fibers live nowhere yet, and are seen as they are found.
//
// How long a fiber has run is told only if options.fiber_times is set: a look at the clock at each switch
// costs more than the switch.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <weft/pools/stack_class.hpp>
#include <weft/runtime/spawn_options.hpp>

namespace weft {

enum class fiber_phase : std::uint8_t {
  unstarted,  // spawned, and has not run yet
  ready,      // will run as soon as its turn comes
  running,    // hogs a worker that does not answer; or is the one that asks
  parked,     // waits
};

/// "unstarted", "ready", "running", "parked".
std::string_view name(fiber_phase phase) noexcept;

struct fiber_info {
  fiber_id id{};
  std::string name;           // empty: it has none
  std::source_location site;  // where it was spawned
  fiber_phase phase = fiber_phase::unstarted;
  std::string_view waits_for;      // parked: "an event", "I/O", ...; else empty
  const void* waits_at = nullptr;  // the primitive, if it waits at one: equal for who waits at the same
  fiber_id awaits{};               // the fiber that holds what it waits for, or whose end; 0: none is known
  std::uint32_t runtime = 0;       // 1 for the first runtime of the process
  std::optional<unsigned> worker;  // where it lives; none before it has started
  weft::priority priority = priority::normal;
  stack_class stack = stack_class::kib64;
  /// Bytes of its stack that are or were in use: its high-water mark, in pages. That of fibers which had the
  /// stack before it counts as well, until idle trimming frees the pages. 0: not known, or no stack yet.
  std::size_t stack_resident = 0;
  bool stop_requested = false;
  /// With options.fiber_times, of a fiber that has begun: how long it has run, with all that it has called,
  /// and how long ago it began. Else both are 0.
  std::chrono::nanoseconds run_time{}, age{};
  /// Where it waits, innermost first: return addresses, for symbolizer. Empty: it runs, has not started, or
  /// its worker did not answer.
  std::vector<std::uintptr_t> backtrace;
};

struct worker_info {
  std::uint32_t runtime = 0;
  unsigned index = 0;
  bool answered = true;  // false: a fiber hogged it all the time
  fiber_id running{};    // which one, if it did not answer
  std::size_t fibers = 0;
};

struct fiber_list {
  std::vector<fiber_info> fibers;    // by id, which is roughly by age
  std::vector<worker_info> workers;  // by runtime and index
};

struct inspect_options {
  bool backtraces = true;
  bool stack_sizes = true;
  /// How long a worker may make no progress before it is given up. At least a millisecond.
  std::chrono::nanoseconds patience = std::chrono::milliseconds{100};
};

/// All fibers of all runtimes of the process. Throws std::bad_alloc.
///
/// Blocks     the calling fiber or thread, until the workers have answered, or were given up. No cancellation
///            point, and the caller's deadline does not count.
/// Safe from  any fiber or thread, also while a fiber hogs a worker or a runtime stops; not under
///            on_thread_stack().
/// Cost       per fiber 0.1 us, 0.5 for its stack size, and 1 us per frame of its backtrace; no worker is
///            kept for more than a millisecond at a time, but for the walk over the control blocks, during
///            which none can fetch new ones (10 ms for a million).
fiber_list list_fibers(const inspect_options& o = {});

/// The same for people: counts, workers, then fibers in groups of those that have the same stack, the largest
/// group first.
///
/// Blocks     the thread, on reading symbol tables: tens of milliseconds.
/// Safe from  any fiber or thread.
std::string fibers_text(const fiber_list& all);

/// The same for programs: {"workers": [...], "fibers": [...], "stacks": [...]}. The "stack" of a fiber is an
/// index into "stacks", each an array of frames.
std::string fibers_json(const fiber_list& all);

enum class dump_format : std::uint8_t { text, json };

/// list_fibers(), written to `out`.
void dump_fibers(std::ostream& out, dump_format format = dump_format::text, const inspect_options& o = {});

/// The same, written to a descriptor, which may be non-blocking. False: it could not be, or nobody has read
/// for a second.
bool dump_fibers(int descriptor, dump_format format = dump_format::text, const inspect_options& o = {});

}  // namespace weft

// Where in a trace one is: what a span has as its parent, in this process or another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace weft::trace {

/// 16 bytes that one request has in all processes; never all zero.
struct trace_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  explicit operator bool() const noexcept { return (high | low) != 0; }
  bool operator==(const trace_id&) const = default;
};

/// A value, to be kept and sent: a span of another fiber, behind a channel for instance, takes it as its
/// parent.
struct context {
  trace_id trace;
  std::uint64_t span = 0;  // never 0 in a context that is one
  bool sampled = false;    // whether anything of this trace is recorded
  /// What other tracers want to be passed on, as it stood in tracestate. Null: nothing.
  std::shared_ptr<const std::string> state{};

  /// Whether it names a span.
  explicit operator bool() const noexcept { return trace && span != 0; }
};

}  // namespace weft::trace

// What the connections of one worker have measured and counted: their worker writes, anyone may read.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <system_error>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/metrics/histogram.hpp>

#include "failure.hpp"
#include "waits.hpp"

/// What all workers have counted together.
struct totals {
  std::uint64_t requests = 0;                                     // answered as expected
  std::uint64_t bytes = 0;                                        // of these answers
  std::array<std::uint64_t, failure_names.size()> failures{};     // by kind
  std::array<std::error_code, failure_names.size()> last_errors;  // of each kind, where there is one
  weft::histogram latency;                                        // of answers, and of timeouts
  waits unanswered;                                               // of what was due

  std::uint64_t failed() const noexcept;
};

class tally {
 public:
  /// What is answered from `from` on, by steady_ns(), and until `until` counts. Nothing does before that.
  void measure(std::int64_t from, std::int64_t until) noexcept {
    from_ = from;
    until_ = until;
  }

  std::int64_t measured_until() const noexcept { return until_; }

  /// An answer as expected, that was whole `at` that time, `took` ns after its request was due.
  void answered(std::int64_t at, std::int64_t took, std::uint64_t bytes) noexcept {
    if (at < from_ || at > until_) return;
    latency_.record(took);
    requests_.add(1);
    bytes_.add(bytes);
  }

  /// So many requests that failed; counted whenever it was.
  void failed(failure kind, std::error_code why, std::uint64_t requests) noexcept {
    failures_[static_cast<std::size_t>(kind)].add(requests);
    last_errors_[static_cast<std::size_t>(kind)] = why;
  }

  /// So many that were given up `at` that time, `took` ns after they were due.
  void timed_out(std::int64_t at, std::int64_t took, std::uint64_t requests) noexcept {
    if (at >= from_ && at <= until_) latency_.record(took, requests);
  }

  /// So many, due at `due`, that had no answer when the run ended, at `at`; none that were due later.
  void unanswered(std::int64_t at, std::int64_t due, std::uint64_t requests) noexcept {
    if (due <= until_) waits_.add(std::min(at, until_) - due, requests);
  }

  std::uint64_t requests() const noexcept { return requests_.get(); }
  std::uint64_t failures() const noexcept;

  /// Once its worker counts no more.
  void add_to(totals& all) const;

 private:
  std::int64_t from_ = std::numeric_limits<std::int64_t>::max(), until_ = from_;
  weft::detail::exposed<std::uint64_t> requests_, bytes_;
  std::array<weft::detail::exposed<std::uint64_t>, failure_names.size()> failures_;
  std::array<std::error_code, failure_names.size()> last_errors_;
  waits waits_;
  weft::detail::histogram_recorder latency_;
};

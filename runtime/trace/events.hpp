// What the scheduler and the pollers tell of themselves. The caller has looked whether events_on().
//
// Each writes one record, with one look at the clock: 90 ns. Not for signal handlers: a thread's ring
// has one writer, and a handler would be a second.
#pragma once

#include <cstddef>

#include <weft/runtime/trace/mode.hpp>
#include <weft/runtime/trace/record.hpp>

namespace weft::detail {
struct fiber;
struct operation;
}  // namespace weft::detail

namespace weft::trace::detail {

/// A fiber was made, by whoever runs here.
void spawned(const weft::detail::fiber& made) noexcept;

/// It is about to run; `begins`: for the first time.
void goes_on(const weft::detail::fiber& f, bool begins) noexcept;

/// It stops running: parks, yields, is preempted, ends.
void leaves(const weft::detail::fiber& f, record_kind how) noexcept;

/// It may go on, thanks to whoever runs here.
void woken(const weft::detail::fiber& f) noexcept;

/// This worker took unstarted fibers from another.
void stole(std::size_t count, unsigned victim) noexcept;

/// An operation was started.
void submitted(const weft::detail::operation& op) noexcept;

/// It has ended (`more`: and goes on). Tells its issuer too, so that the call is the last thing that the
/// poller does and costs it no register while nothing is traced.
void completed(weft::detail::operation& op, int outcome, bool more) noexcept;

}  // namespace weft::trace::detail

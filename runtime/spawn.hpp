// Starting fibers from a fiber. From elsewhere: runtime::spawn() and runtime::go().
#pragma once

#include <memory>
#include <new>
#include <source_location>
#include <stop_token>
#include <utility>

#include <weft/runtime/body.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/spawn_options.hpp>
#include <weft/runtime/task.hpp>
#include <weft/runtime/with_stop.hpp>

namespace weft {
namespace detail {

/// A fiber of `of` with everything but its body and deadline, counted against fibers_max: waits for room, or
/// with `or_fail` gives null. Throws std::bad_alloc.
fiber* new_fiber(scheduler& of, const spawn_options& o, std::source_location site, bool or_fail = false);

/// The same on the worker of the calling fiber, where no number of fibers is limited: the fast way.
WEFT_ALWAYS_INLINE fiber* new_fiber_here(worker& here, const spawn_options& o, std::source_location site) {
  fiber* const f = here.allocate(o, site);
  if (f == nullptr) [[unlikely]]
    throw std::bad_alloc{};
  return f;
}

/// A fiber that has no body yet. Given back if what makes the body throws: storing the callable does, or
/// copying what it inherits.
struct drop_unborn {
  void operator()(fiber* f) const noexcept;
};
using unborn = std::unique_ptr<fiber, drop_unborn>;

/// Makes a fiber with a body runnable.
void submit_fiber(fiber& f, const spawn_options& o) noexcept;

WEFT_ALWAYS_INLINE worker& spawning_worker() noexcept {
  worker* const here = worker::current();
  WEFT_ASSERT(here != nullptr,
              "spawn() and go() are for fibers: on a thread use runtime::spawn() or runtime::go()");
  return *here;
}

/// The fiber that calls; null on a foreign thread, and where weft's own code runs.
inline const fiber* spawner() noexcept {
  const worker* const here = worker::current();
  return here == nullptr ? nullptr : here->running();
}

/// What a child inherits.
WEFT_ALWAYS_INLINE deadline deadline_of(const fiber* spawner) noexcept {
  return spawner != nullptr ? spawner->until : deadline::never();
}

// The body of a fiber that a token of the spawner's cancels too.
template <class F>
struct stopped_by {
  F f;
  std::stop_token token;

  returns_t<F> operator()() {
    fiber& self = *current_fiber();
    const token_scope scope{self, std::move(token)};
    return call_body(f, self);
  }
};

template <class F>
void set_body(fiber& f, F&& callable, const spawn_options& o) {
  if (o.stop.stop_possible()) [[unlikely]]
    set_body(f, stopped_by<std::decay_t<F>>{std::forward<F>(callable), o.stop});
  else set_body(f, std::forward<F>(callable));
}

template <class F>
WEFT_ALWAYS_INLINE fiber& with_body(fiber* f, F&& callable, const spawn_options& o, bool inherits) {
  unborn made{f};
  if (inherits) [[unlikely]]
    inherit_locals(*f);
  set_body(*f, std::forward<F>(callable), o);
  return *made.release();
}

template <class F>
fiber& spawn_fiber(scheduler& of, F&& f, const spawn_options& o, std::source_location site,
                   deadline until = deadline::never()) {
  fiber& made = with_body(new_fiber(of, o, site), std::forward<F>(f), o, spawner_bequeaths());
  made.begin_with(until);
  submit_fiber(made, o);
  return made;
}

template <class F>
WEFT_ALWAYS_INLINE fiber& spawn_here(worker& here, const fiber* spawner, F&& f, const spawn_options& o,
                                     std::source_location site, deadline until) {
  // With a copy, so that `o` itself may stay in registers.
  if (here.watches_spawns() || here.batch_is_over() || o.worker.has_value()) [[unlikely]]
    return spawn_fiber(here.owner(), std::forward<F>(f), spawn_options{o}, site, until);
  fiber& made = with_body(new_fiber_here(here, o, site), std::forward<F>(f), o, bequeaths(spawner));
  made.begin_with(until);
  here.start_later(made);
  return made;
}

}  // namespace detail

/// Runs f in a fiber of its own, which nobody waits for. It has no deadline, and is stopped with the runtime
/// only. Its failure, other than canceled, goes to the error sink.
///
/// Blocks     while options.fibers_max fibers live.
/// Safe from  fibers.
/// Cost       30 to 50 ns, its start and its end included (spawn_join); no stack before it first runs.
template <action F>
void go(F f, spawn_options o = {}, std::source_location site = std::source_location::current()) {
  detail::worker& here = detail::spawning_worker();
  detail::detach(detail::spawn_here(here, here.running(), std::move(f), o, site, deadline::never()));
}

/// Runs f in a fiber of its own, and gives its handle. It has the caller's deadline (with_deadline()), and
/// always starts, even if it is asked to stop before.
///
/// Blocks     while options.fibers_max fibers live.
/// Safe from  fibers.
template <body F>
task<returns_t<F>> spawn(F f, spawn_options o = {},
                         std::source_location site = std::source_location::current()) {
  detail::worker& here = detail::spawning_worker();
  const detail::fiber* const self = here.running();
  return task<returns_t<F>>{detail::spawn_here(here, self, std::move(f), o, site, detail::deadline_of(self))};
}

/// spawn() that does not wait.
///
/// Errors     limit: options.fibers_max fibers live.
template <body F>
[[nodiscard]] result<task<returns_t<F>>> try_spawn(
    F f, spawn_options o = {}, std::source_location site = std::source_location::current()) {
  detail::worker& here = detail::spawning_worker();
  const detail::fiber* const self = here.running();
  detail::fiber* const made = detail::new_fiber(here.owner(), o, site, /*or_fail=*/true);
  if (made == nullptr) return std::unexpected(errc::limit);
  detail::fiber& full = detail::with_body(made, std::move(f), o, detail::bequeaths(self));
  full.begin_with(detail::deadline_of(self));
  detail::submit_fiber(full, o);
  return task<returns_t<F>>{full};
}

}  // namespace weft

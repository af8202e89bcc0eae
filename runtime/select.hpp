// Does one of several things: whichever can be done first, and exactly one.
//
//   weft::select(
//       weft::on_recv(numbers, [&](weft::result<int> n) { use(n); }),
//       weft::on_send(results, r, [&](weft::result<void> sent) { ... }),
//       weft::when(!batch.empty(), weft::on_timeout(200ms, [&] { flush(batch); })));
//
// A case names a thing, and the body to run when select has chosen it; until then nothing happens to the
// thing, and nothing is moved from. Among cases that are ready any is as likely as the others; a closed
// channel is always ready. If none is, select waits (alternative.hpp), leaves all but the one that was faster
// as if it had never been there, and then runs the body, inline. More cases: io/ready.hpp has descriptors.
//
// The idea is Go's select, and Alef's alt before it. Go holds the locks of all channels at once; here each is
// looked at by itself, so cases need not be of one kind, and the first that is ready costs no more than the
// call that it stands for.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

#include <weft/runtime/alternative.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/select_source.hpp>
#include <weft/runtime/selection.hpp>
#include <weft/runtime/task.hpp>
#include <weft/runtime/wait_group.hpp>

namespace weft {

/// Something that select may do, and what to run then. F names both: detail::choice. The body's type alone
/// would not do, for a value that comes lies in the frame of select until the body gets it, and how large it
/// is, a generic lambda does not say.
template <class F>
struct [[nodiscard]] select_case {
  typename F::source of;
  typename F::body f;
  bool enabled = true;
};

namespace detail {

template <class Source, class Body>
using case_of = select_case<choice<Source, Body>>;

}  // namespace detail

/// Receives: f gets the value, or `closed` once the channel is closed and drained.
template <class T, std::invocable<result<T>> F>
auto on_recv(detail::receivable<T>& from, F f) {
  return detail::case_of<detail::receive_source<T>, F>{{&from}, std::move(f)};
}

/// Receives from a watch or a broadcast: f gets what recv() would give.
template <class Feed, std::invocable<result<typename Feed::value_type>> F>
auto on_recv(detail::follower<Feed>& from, F f) {
  return detail::case_of<detail::follow_source<Feed>, F>{{&from}, std::move(f)};
}

/// Sends `v`, which is moved from only then; or f gets `closed`, and `v` is untouched.
template <class T, std::invocable<result<void>> F>
auto on_send(channel<T>& to, std::type_identity_t<T>& v, F f) {
  return detail::case_of<detail::send_source<T>, F>{{&to, std::addressof(v)}, std::move(f)};
}

/// The fiber of `t` has ended: t.join() does not wait any more. One join of a task at a time. A task that
/// names no fiber needs when(t.joinable(), ...).
template <class R, std::invocable F>
auto on_done(task<R>& t, F f) {
  return detail::case_of<detail::join_source, F>{detail::join_source{t.named()}, std::move(f)};
}

/// The count is zero.
template <std::invocable F>
auto on_done(wait_group& g, F f) {
  return detail::case_of<detail::gate_source<wait_group>, F>{detail::gate_source<wait_group>{&g},
                                                             std::move(f)};
}

/// The event is set.
template <std::invocable F>
auto on_set(event& e, F f) {
  return detail::case_of<detail::gate_source<event>, F>{detail::gate_source<event>{&e}, std::move(f)};
}

/// A stop was requested.
template <std::invocable F>
auto on_stop(std::stop_token token, F f) {
  return detail::case_of<detail::stop_source, F>{detail::stop_source{std::move(token)}, std::move(f)};
}

/// Nothing else until then. The caller's own deadline, if that is earlier, ends select without a body.
template <std::invocable F>
auto on_timeout(deadline at, F f) {
  return detail::case_of<detail::timeout_source, F>{detail::timeout_source{at}, std::move(f)};
}

/// Nothing else now: select does not wait.
template <std::invocable F>
auto otherwise(F f) {
  return detail::case_of<detail::otherwise_source, F>{{}, std::move(f)};
}

/// The case if `enabled`, else nothing that could happen.
template <class F>
select_case<F> when(bool enabled, select_case<F> c) {
  c.enabled = c.enabled && enabled;
  return c;
}

/// Does the first of `cases` that can be done, and runs its body.
///
/// Blocks     the calling fiber or thread, until a case is ready; never if one is `otherwise`.
/// Errors     canceled, deadline_exceeded (the caller's own deadline): nothing was done, and no body ran.
///            Never fails if a case is ready. What the body throws is thrown.
/// Cancelled  nothing was done.
/// Safe from  any fiber or thread.
/// Cost       no allocation. If a case is ready that of the call that it stands for, and of a look at each
///            that was tried before it.
template <class... F>
[[nodiscard]] WEFT_ALWAYS_INLINE result<std::size_t> select(select_case<F>... cases) {
  return detail::selection<select_case<F>...>{cases...}.run();
}

}  // namespace weft

// What the cases of a select can stand for.
//
// A source has
//
//   slot              what lies in the frame of select meanwhile: a value that has come, how a try went
//   attempt(slot)     does it, if that needs no wait
//   waiting           its alternative (alternative.hpp), made by wait_with(begun, slot) if nothing was ready
//   settle(slot, w)   after the wait was ended by it: what has come of it goes into the slot
//   deliver(slot, f)  runs the body
//
// Those that need no wait of their own (timeout_source, otherwise_source) have no alternative.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>

#include <weft/runtime/alternative.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/feed_core.hpp>

namespace weft::detail {

/// The F of a select_case: a source, and the body to run when it is chosen.
template <class Source, class Body>
struct choice {
  using source = Source;
  using body = Body;
};

struct no_slot {};

/// Of a source that only tells that something is so.
struct plain_source {
  using slot = no_slot;

  template <class Waiting>
  static void settle(no_slot&, const Waiting&) noexcept {}
  template <class F>
  static void deliver(no_slot&, F& f) {
    std::invoke(f);
  }
};

template <class T>
struct receive_source {
  using waiting = channel_alternative;
  struct slot {
    room_for<T> room;
    bool closed;
  };

  WEFT_ALWAYS_INLINE bool attempt(slot& s) const noexcept {
    const auto done = from->receive_into(s.room);
    s.closed = done == channel_core::step::closed;
    return done != channel_core::step::must_wait;
  }
  waiting wait_with(const wait& begun, slot& s) const noexcept {
    return {begun, *from, &s.room.value, channel_alternative::direction::receive};
  }
  static void settle(slot& s, const waiting& w) noexcept { s.closed = !w.moved(); }
  template <class F>
  WEFT_ALWAYS_INLINE static void deliver(slot& s, F& f) {
    if (s.closed) [[unlikely]]
      std::invoke(f, result<T>{std::unexpected(make_error_code(errc::closed))});
    else std::invoke(f, s.room.take());
  }

  receivable<T>* from;
};

template <class T>
struct send_source {
  using waiting = channel_alternative;
  struct slot {
    bool closed;
  };

  WEFT_ALWAYS_INLINE bool attempt(slot& s) const noexcept {
    const auto done = to->send_from(*value);
    s.closed = done == channel_core::step::closed;
    return done != channel_core::step::must_wait;
  }
  waiting wait_with(const wait& begun, slot&) const noexcept {
    return {begun, *to, value, channel_alternative::direction::send};
  }
  static void settle(slot& s, const waiting& w) noexcept { s.closed = !w.moved(); }
  template <class F>
  WEFT_ALWAYS_INLINE static void deliver(slot& s, F& f) {
    if (s.closed) [[unlikely]]
      std::invoke(f, result<void>{std::unexpected(make_error_code(errc::closed))});
    else std::invoke(f, result<void>{});
  }

  channel<T>* to;
  T* value;
};

/// A receiver of a watch or a broadcast.
template <class Feed>
struct follow_source {
  using value_type = typename Feed::value_type;
  using waiting = gate_alternative<follower<Feed>>;
  struct slot {
    std::optional<result<value_type>> now;
  };

  // Made in its place, which is empty: of an assignment GCC 12 says, falsely, that it reads what is not set.
  void fill(slot& s) const {
    ::new (static_cast<void*>(std::addressof(s.now))) std::optional<result<value_type>>(from->take());
  }
  bool attempt(slot& s) const {
    fill(s);
    return s.now.has_value();
  }
  waiting wait_with(const wait& begun, slot&) const noexcept { return {begun, *from}; }
  void settle(slot& s, const waiting&) const { fill(s); }  // it is there: nobody else takes it
  template <class F>
  static void deliver(slot& s, F& f) {
    std::invoke(f, *std::move(s.now));
  }

  follower<Feed>* from;
};

/// An event or a wait_group.
template <class Gate>
struct gate_source : plain_source {
  using waiting = gate_alternative<Gate>;

  explicit gate_source(Gate* at) noexcept : of{at} {}
  bool attempt(no_slot&) const noexcept { return of->is_open(); }
  waiting wait_with(const wait& begun, no_slot&) const noexcept { return {begun, *of}; }

  Gate* of;
};

struct join_source : plain_source {
  using waiting = join_alternative;

  explicit join_source(fiber* joined) noexcept : of{joined} {}
  bool attempt(no_slot&) const noexcept {
    WEFT_ASSERT(of != nullptr, "a select waits for a task that names no fiber");
    return (of->control.load(std::memory_order_acquire) & fiber::ended) != 0;
  }
  waiting wait_with(const wait& begun, no_slot&) const noexcept { return {begun, of}; }

  fiber* of;
};

struct stop_source : plain_source {
  using waiting = stop_alternative;

  explicit stop_source(std::stop_token t) noexcept : token{std::move(t)} {}
  bool attempt(no_slot&) const noexcept { return token.stop_requested(); }
  waiting wait_with(const wait& begun, no_slot&) const noexcept { return {begun, token}; }

  std::stop_token token;
};

struct timeout_source : plain_source {
  using waiting = void;

  explicit timeout_source(deadline d) noexcept : at{d} {}
  static bool attempt(no_slot&) noexcept { return false; }  // only if nothing else is ready

  deadline at;
};

struct otherwise_source : plain_source {
  using waiting = void;

  static bool attempt(no_slot&) noexcept { return false; }
};

}  // namespace weft::detail

// What a join_set is without the type of its results: who has ended, in the order of ending, and who waits.
//
// A child that ends pushes itself, by its own control block, on a stack of those who have; the owner takes
// the whole stack at a time and turns it round. An owner that finds nothing puts `awaited` there, and the
// next child that pushes finds that and wakes him:
//
//   owner   wait w; waiting_ = &w; ended_: 0 -> awaited; park        child   ended_: x -> itself, next = x
//   gives up:                      ended_: awaited -> 0                      x was awaited: wake *waiting_
//
// An owner that gives up and finds awaited gone has been seen by the oldest in the stack, which may be about
// to look at w: he takes that child instead of giving up, and waits in that same frame until its fiber has
// ended. So nothing of the set is touched by a child that the owner knows to have ended, and the set may go
// then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <utility>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/child.hpp>
#include <weft/runtime/stop_group.hpp>
#include <weft/runtime/wait.hpp>

namespace weft::detail {

struct children_wait;

/// Everything but child_ended(), group() and stop() is the owner's: one fiber or thread at a time.
class join_set_core {
 public:
  /// Takes the deadline of the calling fiber for the children.
  join_set_core() noexcept;
  join_set_core(const join_set_core&) = delete;
  join_set_core& operator=(const join_set_core&) = delete;
  /// Stops the children, waits for them, and reports their failures.
  ~join_set_core();

  template <class Callable>
  void spawn(Callable&& c, void (*body)(fiber&) noexcept, const spawn_options& o, std::source_location site) {
    spawn_child(scheduler_, std::forward<Callable>(c), body, o, site, until_, 0);
    ++size_;
  }

  /// How many were spawned and not yet taken.
  std::size_t size() const noexcept { return size_; }

  /// The next that has ended; its outcome is the caller's. There must be one. A stop of who waits is passed
  /// on to the children.
  fiber& take() noexcept;

  /// The same, until `until`. Null: that has passed, or the caller was stopped; `how` says which.
  fiber* take(deadline until, wake_reason& how) noexcept;

  /// The same, whatever hurries the caller.
  fiber& take_shielded() noexcept;

  stop_group& group() noexcept { return group_; }

  /// The last act of a child: its outcome lies in its block.
  void child_ended(fiber& self) noexcept;

 private:
  static constexpr std::uintptr_t awaited = 1;

  fiber* take(children_wait& w, deadline until, wake_reason& how) noexcept;
  bool refill() noexcept;
  fiber& pop() noexcept;

  scheduler& scheduler_;
  const deadline until_;  // the children's
  stop_group group_;
  atomic<std::uintptr_t> ended_{0};  // a fiber, linked by `next`, newest first; or `awaited`
  struct wait* waiting_ = nullptr;   // whose wait it is; read by the child that has found `awaited`
  fiber* ready_ = nullptr;           // taken from ended_, oldest first
  std::size_t size_ = 0;
};

}  // namespace weft::detail

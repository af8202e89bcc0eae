// Runs something once, however many come to have it done: weft's std::once_flag and std::call_once.
//
// Whoever comes first runs it, and the others wait. If it throws, the oldest of those runs it next, and the
// exception goes to who ran it. Once it is done, a call is one acquire load.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {
namespace detail {
class once_attempt;
}

class once_flag {
 public:
  constexpr once_flag() noexcept = default;
  once_flag(const once_flag&) = delete;
  once_flag& operator=(const once_flag&) = delete;
  ~once_flag() {
    WEFT_ASSERT(state_.peek() != running, "a once_flag was destroyed while a call is under way");
  }

 private:
  friend class detail::once_attempt;

  static constexpr std::uint32_t idle = 0, running = 1, done = 2;

  detail::locked_word state_{idle};
  detail::exposed<detail::parker*> runner_;  // set under state_; meaningless unless it is running
  detail::wait_list waiters_;                // guarded by state_; empty unless it is running
};

namespace detail {

/// A wait for another's call by the same once_flag.
struct once_wait : list_waiter {
  once_wait(const exposed<parker*>& runner_, bool cancellable_) noexcept
      : list_waiter{cancellable_}, runner{&runner_} {}

  const exposed<parker*>* runner;  // who runs it
};

/// One call of call_once, while it may be the one that runs.
class once_attempt {
 public:
  explicit once_attempt(once_flag& flag) noexcept : flag_{flag} {}
  once_attempt(const once_attempt&) = delete;
  once_attempt& operator=(const once_attempt&) = delete;
  /// If it was ours to run and is not done, it is the next one's.
  ~once_attempt() {
    if (ours_) [[unlikely]]
      fail();
  }

  bool is_done() const noexcept { return flag_.state_.peek() == once_flag::done; }

  /// Waits until it is done, or ours to run: then ours().
  result<void> begin(deadline until, bool cancellable) noexcept;

  bool ours() const noexcept { return ours_; }

  /// It is done.
  void succeed() noexcept;

 private:
  void fail() noexcept;

  once_flag& flag_;
  bool ours_ = false;
};

template <class F, class... Args>
WEFT_NOINLINE result<void> call_once_slow(once_attempt& call, deadline until, bool cancellable, F&& f,
                                          Args&&... args) {
  const result<void> begun = call.begin(until, cancellable);
  if (!begun || !call.ours()) return begun;
  std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  call.succeed();
  return {};
}

}  // namespace detail

/// Calls f(args...) unless a call by the same flag has returned already; waits for one that is under way, and
/// calls f if that throws. From within f, by the same flag: an assertion.
///
/// Blocks     the calling fiber or thread, while another runs its f. No cancellation point.
/// Errors     what f throws, for who called it.
/// Safe from  any fiber or thread; what f wrote is visible after every call_once().
/// Cost       one acquire load once it is done.
template <class F, class... Args>
  requires std::invocable<F, Args...>
void call_once(once_flag& flag, F&& f, Args&&... args) {
  detail::once_attempt call{flag};
  if (call.is_done()) [[likely]]
    return;
  (void)detail::call_once_slow(call, deadline::never(), /*cancellable=*/false, std::forward<F>(f),
                               std::forward<Args>(args)...);
}

/// The same, or gives up waiting for another's f. One's own f is not hurried.
///
/// Blocks     the calling fiber or thread, while another runs its f, or until `until`.
/// Errors     deadline_exceeded, canceled: it was not done yet. Never fails if nobody else runs it.
template <class F, class... Args>
  requires std::invocable<F, Args...>
[[nodiscard]] result<void> call_once(once_flag& flag, deadline until, F&& f, Args&&... args) {
  detail::once_attempt call{flag};
  if (call.is_done()) [[likely]]
    return {};
  return detail::call_once_slow(call, until, /*cancellable=*/true, std::forward<F>(f),
                                std::forward<Args>(args)...);
}

}  // namespace weft

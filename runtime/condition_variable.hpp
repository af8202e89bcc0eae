// Waiting for a change of what a lock guards: weft's std::condition_variable_any, for fibers and threads.
//
// Works with every Lockable, weft's and others', one whose unlock() waits or throws too: a waiter enters the
// queue under the user's lock, and starts to wait only when it has released it. As std allows, the variable
// may be destroyed as soon as all have been notified, though they have not returned yet. So a waiter touches
// it again only if nobody has notified it, which its phase decides:
//
//   entering -> parked     by the waiter, when its wait has begun
//            -> notified   by who notifies, under the queue's lock: it has unlinked it, and lets go
//            -> leaving    by the waiter, when it gives up: it comes for the queue's lock
//
// A notifier that finds one leaving counts it among those on the way, for whom the destructor waits; and one
// that had given up, but not said so, is let go like the others and does not use up the notification.
#pragma once

#include <chrono>
#include <concepts>
#include <condition_variable>  // std::cv_status
#include <cstdint>
#include <stop_token>

#include <weft/runtime/any_clock.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft {
namespace detail {

class condition_queue;

/// One wait for a notification: lies in the frame of who waits.
class condition_wait : public list_node {
 public:
  explicit condition_wait(condition_queue& of) noexcept;
  condition_wait(const condition_wait&) = delete;
  condition_wait& operator=(const condition_wait&) = delete;
  ~condition_wait() {
    if (!over_) [[unlikely]]
      leave();  // the user's unlock() has thrown
  }

  /// Waits until it is notified, until `until`, or until `stop` if there is one. Once.
  wake_reason sleep(deadline until, bool cancellable, const std::stop_token* stop) noexcept;

 private:
  friend class condition_queue;

  enum class phase : std::uint8_t { entering, parked, notified, leaving };

  wake_reason park_until_stop(wait& w, deadline until, const std::stop_token& stop) noexcept;
  void leave() noexcept;

  condition_queue& of_;
  parker* who_ = nullptr;     // set before it is parked
  std::uint32_t number_ = 0;  // of its wait; set before it is parked
  atomic<phase> phase_{phase::entering};
  bool over_ = false;
};

/// What condition_variable is without the user's lock.
class condition_queue {
 public:
  constexpr condition_queue() noexcept = default;
  condition_queue(const condition_queue&) = delete;
  condition_queue& operator=(const condition_queue&) = delete;
  ~condition_queue();

  /// Both safe from any fiber or thread.
  void notify_one() noexcept {
    if (state_.peek() != 0) notify_slow(/*all=*/false);
  }
  void notify_all() noexcept {
    if (state_.peek() != 0) notify_slow(/*all=*/true);
  }

 private:
  friend class condition_wait;

  enum class answer : std::uint8_t { gone, awake, to_resume };

  static constexpr std::uint32_t waiting = 1, one_leaver = 2;

  void notify_slow(bool all) noexcept;
  static answer notify(condition_wait& w, std::uint32_t& state) noexcept;

  locked_word state_{0};                  // how many are on the way who are not linked, and whether any is
  intrusive_list<condition_wait> waits_;  // guarded by state_; empty if `waiting` is not set
};

}  // namespace detail

class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  /// Ends the wait of the one that has waited longest. Safe from  any fiber or thread.
  void notify_one() noexcept { queue_.notify_one(); }

  /// Ends the wait of all that wait. Safe from  any fiber or thread.
  void notify_all() noexcept { queue_.notify_all(); }

  /// Releases `lock`, waits to be notified, and takes `lock` again. As std's it may return for no reason.
  ///
  /// Blocks     the calling fiber or thread. No cancellation point.
  template <class Lock>
  void wait(Lock& lock) {
    (void)wait_once(lock, deadline::never(), /*cancellable=*/false);
  }

  /// Waits until `ready()`, which is called with `lock` held.
  template <class Lock, std::predicate Predicate>
  void wait(Lock& lock, Predicate ready) {
    while (!ready()) wait(lock);
  }

  /// Waits to be notified, or gives up. `lock` is held again in either case.
  ///
  /// Blocks     the calling fiber or thread, until it is notified or `until`.
  /// Errors     deadline_exceeded, canceled.
  template <class Lock>
  [[nodiscard]] result<void> wait(Lock& lock, deadline until) {
    return detail::result_of(wait_once(lock, until, /*cancellable=*/true));
  }

  /// Waits until `ready()`, or gives up.
  ///
  /// Errors     deadline_exceeded, canceled. Never fails if ready() holds.
  template <class Lock, std::predicate Predicate>
  [[nodiscard]] result<void> wait(Lock& lock, deadline until, Predicate ready) {
    while (!ready())
      if (const result<void> woken = wait(lock, until); !woken) {
        if (ready()) break;
        return woken;
      }
    return {};
  }

  /// Waits to be notified, at most so long; says whether the time was over. No cancellation point, as all
  /// that follow.
  template <class Lock, class R, class P>
  std::cv_status wait_for(Lock& lock, std::chrono::duration<R, P> time) {
    return status(wait_once(lock, deadline{time}, /*cancellable=*/false));
  }

  /// Waits until `ready()`, at most so long; what ready() said last.
  template <class Lock, class R, class P, std::predicate Predicate>
  bool wait_for(Lock& lock, std::chrono::duration<R, P> time, Predicate ready) {
    return wait_ready(lock, deadline{time}, ready);
  }

  /// Waits to be notified, at most until then, by any clock.
  template <class Lock, class C, class D>
  std::cv_status wait_until(Lock& lock, std::chrono::time_point<C, D> until) {
    if (status(wait_once(lock, detail::deadline_by_clock(until), /*cancellable=*/false)) ==
        std::cv_status::no_timeout)
      return std::cv_status::no_timeout;
    return C::now() < until ? std::cv_status::no_timeout : std::cv_status::timeout;  // it was set back
  }

  /// Waits until `ready()`, at most until then, by any clock; what ready() said last.
  template <class Lock, class C, class D, std::predicate Predicate>
  bool wait_until(Lock& lock, std::chrono::time_point<C, D> until, Predicate ready) {
    while (!ready())
      if (wait_until(lock, until) == std::cv_status::timeout) return ready();
    return true;
  }

  /// Waits until `ready()`, or until `stop` is requested; what ready() said last.
  template <class Lock, std::predicate Predicate>
  bool wait(Lock& lock, std::stop_token stop, Predicate ready) {
    return wait_ready(lock, deadline::never(), ready, &stop);
  }

  /// Waits until `ready()`, or until `stop` is requested, at most so long; what ready() said last.
  template <class Lock, class R, class P, std::predicate Predicate>
  bool wait_for(Lock& lock, std::stop_token stop, std::chrono::duration<R, P> time, Predicate ready) {
    return wait_ready(lock, deadline{time}, ready, &stop);
  }

  /// Waits until `ready()`, or until `stop` is requested, at most until then; what ready() said last.
  template <class Lock, class C, class D, std::predicate Predicate>
  bool wait_until(Lock& lock, std::stop_token stop, std::chrono::time_point<C, D> until, Predicate ready) {
    bool answer = false;
    detail::wait_by_clock(until, [&](deadline at) {
      answer = wait_ready(lock, at, ready, &stop);
      return answer || stop.stop_requested();
    });
    return answer;
  }

 private:
  static std::cv_status status(detail::wake_reason how) noexcept {
    return how == detail::wake_reason::timed_out ? std::cv_status::timeout : std::cv_status::no_timeout;
  }

  template <class Lock, class Predicate>
  bool wait_ready(Lock& lock, deadline until, Predicate& ready, const std::stop_token* stop = nullptr) {
    while (!ready()) {
      if (stop != nullptr && stop->stop_requested()) return false;
      if (wait_once(lock, until, /*cancellable=*/false, stop) == detail::wake_reason::timed_out)
        return ready();
    }
    return true;
  }

  template <class Lock>
  detail::wake_reason wait_once(Lock& lock, deadline until, bool cancellable,
                                const std::stop_token* stop = nullptr) {
    detail::condition_wait w{queue_};
    lock.unlock();
    const detail::wake_reason how = w.sleep(until, cancellable, stop);
    take_again(lock);
    return how;
  }

  // Who cannot have his lock back cannot go on: an exception ends the program, as std wants it.
  template <class Lock>
  static void take_again(Lock& lock) noexcept {
    lock.lock();
  }

  detail::condition_queue queue_;
};

}  // namespace weft

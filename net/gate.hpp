// Closed until open() is called, open for ever after; at most one waits at a time.
//
// Unlike weft::event it may be destroyed as soon as a wait() has returned because it is open: who opens it
// touches nothing of it after that. The lock orders the two: the opener claims the wait while it holds it,
// and the waiter looks at open_ under it before and after.
#pragma once

#include <mutex>
#include <utility>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

class gate {
 public:
  gate() = default;
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// Safe from  any fiber or thread.
  void open() noexcept {
    parker* woken = nullptr;
    {
      const std::lock_guard guard{lock_};
      open_.store(true, std::memory_order_relaxed);
      if (waiting_ != nullptr && waiting_->claim(wake_reason::woken)) woken = waiting_->who;
      // A foreign thread may run as soon as it is claimed; it takes the lock once more before it goes.
      if (woken != nullptr && !woken->is_fiber()) std::exchange(woken, nullptr)->resume();
    }
    if (woken != nullptr) woken->resume();
  }

  bool is_open() const noexcept {
    const std::lock_guard guard{lock_};
    return open_.load(std::memory_order_relaxed);
  }

  /// `woken` if it is open, whatever else has happened; else why the wait ended.
  ///
  /// Blocks     the calling fiber or thread, until open(), `until`, or (if `cancellable`) a stop.
  wake_reason wait(deadline until, bool cancellable, park_reason why) noexcept {
    detail::wait w{cancellable};
    {
      const std::lock_guard guard{lock_};
      if (open_.load(std::memory_order_relaxed)) return wake_reason::woken;
      WEFT_ASSERT(waiting_ == nullptr, "two wait at one gate");
      waiting_ = &w;
    }
    const wake_reason reason = park(w, until, why);
    const std::lock_guard guard{lock_};
    waiting_ = nullptr;
    return open_.load(std::memory_order_relaxed) ? wake_reason::woken : reason;
  }

 private:
  mutable thread_mutex lock_;
  detail::wait* waiting_ = nullptr;
  atomic<bool> open_{false};  // changed under lock_; atomic so that the simulator sees it
};

}  // namespace weft::detail

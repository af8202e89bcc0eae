// How other threads reach a worker: a lock-free stack of messages that any thread pushes and the worker takes
// whole.
//
// One word holds everything: the newest message, or `empty`, or `asleep`. The worker may sleep only by
// changing `empty` to `asleep`; the pusher that replaces `asleep` is the one, and the only one, that must
// notify the poller. No fence is needed and no wake-up is lost, because both sides decide on the same word.
//
// A pusher may still be on its way into notify() when the worker has long gone on for another reason. The
// worker counts the notifications that it is owed, the pushers those that they have given, and a worker is
// destroyed only when both agree.
#pragma once

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/message.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {

class inbox {
 public:
  /// Brings `m` to the worker. Safe from any thread. Cost: one compare-exchange; a system call if the worker
  /// sleeps.
  void push(message& m) noexcept {
    std::uintptr_t head = head_.load(std::memory_order_relaxed);
    do {
      m.next = head == asleep ? nullptr : reinterpret_cast<message*>(head);
    } while (!head_.compare_exchange_weak(head, reinterpret_cast<std::uintptr_t>(&m),
                                          std::memory_order_acq_rel, std::memory_order_relaxed));
    if (head == asleep) [[unlikely]]
      notify();
  }

  /// Takes everything that has come, oldest first. The worker only.
  message* take() noexcept {
    if (head_.load(std::memory_order_relaxed) == empty) [[likely]]
      return nullptr;
    return oldest_first(reinterpret_cast<message*>(head_.exchange(empty, std::memory_order_acq_rel)));
  }

  /// Whether take() would find something. The worker only.
  bool pending() const noexcept { return head_.load(std::memory_order_relaxed) != empty; }

  /// Announces a sleep. False: a message has come meanwhile, do not sleep. The worker only.
  bool fall_asleep() noexcept {
    std::uintptr_t head = empty;
    return head_.compare_exchange_strong(head, asleep, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  /// Whether the worker has announced a sleep, and nothing has come since. Safe from any thread.
  bool sleeps() const noexcept { return head_.load(std::memory_order_acquire) == asleep; }

  /// Takes the announcement back, after the sleep. The worker only.
  void wake_up() noexcept {
    std::uintptr_t head = asleep;
    if (!head_.compare_exchange_strong(head, empty, std::memory_order_acq_rel, std::memory_order_relaxed))
      ++owed_;
  }

  /// Where notifications go. Before anyone else knows the inbox.
  void attach(poller& p) noexcept { poller_ = &p; }

  /// Waits until nobody is inside notify() any more. The worker only, as its last act with the poller.
  void quiesce() const noexcept {
    while (given_.load(std::memory_order_acquire) != owed_) spin_pause();
  }

 private:
  static constexpr std::uintptr_t empty = 0, asleep = 1;

  WEFT_NOINLINE void notify() noexcept {
    poller_->notify();
    given_.fetch_add(1, std::memory_order_release);  // the last touch
  }

  alignas(cache_line) atomic<std::uintptr_t> head_{empty};
  poller* poller_ = nullptr;
  atomic<std::uint32_t> given_{0};  // notifications that are over
  std::uint32_t owed_ = 0;          // sleeps that somebody else has ended
};

}  // namespace weft::detail

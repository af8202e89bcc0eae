// Waiting for a signal of the operating system as one waits for anything else.
//
// A signal is caught only while a fiber or thread waits for it: the first waiter installs a handler, and the
// last one to leave puts the previous disposition back. So after `wait({SIGINT, SIGTERM})` has returned, a
// second Ctrl-C during the clean-up ends the process as it always does. Copies of one signal that come while
// the first is being delivered count as one, as they do in the kernel; another signal that comes in that
// moment takes effect under the restored disposition. None is lost.
//
// weft's workers block signals. While somebody waits there is one thread, "weft-signals", which blocks none
// of those waited for, so they arrive even if every other thread of the program blocks them. Chosen over
// signalfd, which sees only what all threads block, main() included.
#pragma once

#include <csignal>
#include <initializer_list>

#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::signals {

/// Waits until one of `which` arrives, and returns it. Every waiter of that signal gets it; each gets one.
///
/// A signal that nobody waits for yet is not remembered: it has its usual effect. One that is sent to a
/// worker's thread alone stays pending there, so on a fiber send by kill(getpid(), number), not by
/// raise(number).
///
/// Blocks     the calling fiber or thread.
/// Errors     deadline_exceeded, canceled: no signal has been taken. EINVAL: no signal number, or one that
///            cannot be waited for (SIGKILL, SIGSTOP, and what a fault of the program raises). EAGAIN: no
///            thread can be started.
/// Safe from  any fiber or thread.
/// Cost       that of starting a thread, if nobody waits yet.
[[nodiscard]] result<int> wait(std::initializer_list<int> which, deadline until = {});

}  // namespace weft::signals

namespace weft::detail {

/// Hears of every arrival of a signal while it lives, besides those who wait for it, if any: for weft's own
/// threads. The signal's usual effect is suspended meanwhile.
class signal_watcher : public list_node {
 public:
  /// Each arrival counts `bell` up and wakes who sleeps on it.
  signal_watcher(int number, atomic<std::uint32_t>& bell) noexcept : number_{number}, bell_{bell} {}
  signal_watcher(const signal_watcher&) = delete;
  signal_watcher& operator=(const signal_watcher&) = delete;
  ~signal_watcher();

  /// Once. Errors: as wait(), but for the deadline.
  [[nodiscard]] result<void> begin();

  std::uint64_t wanted() const noexcept { return std::uint64_t{1} << (number_ - 1); }
  void ring() noexcept;

 private:
  const int number_;
  atomic<std::uint32_t>& bell_;
};

}  // namespace weft::detail

// SIGQUIT prints all fibers: options.dump_on_sigquit.
//
// Not from a handler, and not on a fiber, which would not come to run while others hog the workers: a thread
// of its own sleeps until the signal comes. The process goes on, as a JVM does and Go does not.
#pragma once

#include <optional>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/os_thread.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/signals.hpp>

namespace weft::detail {

class sigquit_dump {
 public:
  /// One for the process however many runtimes want it: it prints them all.
  ///
  /// Errors     EAGAIN: no thread can be started.
  [[nodiscard]] static result<void> acquire();
  static void release() noexcept;

 private:
  result<void> start();
  void stop() noexcept;
  void run() noexcept;

  atomic<std::uint32_t> bell_{0};  // a futex
  atomic<bool> enough_{false};
  std::optional<signal_watcher> watcher_;
  os_thread thread_;
};

}  // namespace weft::detail

// The thread that watches the workers of one runtime: the preemption ladder.
//
// Every slice it compares the pulse of each worker with the last one. What hog_watch makes of it: others take
// over what a hog has not begun; the hog's batch is cut short (its next switch goes to the loop); if it is in
// a preemptible region, it gets the signal, which switches it out; what runs on for options.stall is
// reported, with a backtrace. Nobody hogs, no signal is sent. When nothing has run for a while it sleeps
// until a worker wakes. The idea of such a thread is that of Go's sysmon (runtime/proc.go).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/os_thread.hpp>
#include <weft/runtime/preempt/hog_watch.hpp>

namespace weft::detail {

class scheduler;
class worker;

class monitor {
 public:
  /// Watches the workers of `of`, all of which run. Null if there is nothing to watch for: slice, stall and
  /// assert_may_block are off. Errors: as os_thread::start().
  [[nodiscard]] static result<std::unique_ptr<monitor>> start(scheduler& of);

  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;
  /// Ends the thread. Before the workers end.
  ~monitor();

  /// How often it has looked at the workers.
  std::uint64_t ticks() const noexcept { return ticks_.get(); }

 private:
  explicit monitor(scheduler& of);

  void run() noexcept;
  bool look(std::int64_t now) noexcept;
  worker* substitute_of(std::size_t held) noexcept;
  void ask(worker& hog, std::uint32_t what) noexcept;
  bool take_snapshot(worker& hog, const worker_pulse& of) noexcept;
  void report(worker& hog, const worker_pulse& pulse, const hog_verdict& v, std::int64_t now) noexcept;

  scheduler& of_;
  std::int64_t tick_ns_;
  std::vector<hog_watch> watches_;  // one for each worker
  std::vector<bool> held_;          // whether it was held up at the last look
  report_rate rate_;
  exposed<std::uint64_t> ticks_;
  atomic<std::uint32_t> ending_{0};  // a futex
  os_thread thread_;
};

}  // namespace weft::detail

// A runtime: workers, and everything that runs on them. weft::run() is all that most programs need.
#pragma once

#include <cstdio>
#include <memory>
#include <source_location>
#include <utility>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/options.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/task.hpp>

namespace weft {

namespace detail {
class runtime_inspection;
}
struct runtime_metrics;

class runtime {
 public:
  /// Starts the workers. Throws std::system_error if that fails, as std::thread's constructor does; open()
  /// does not throw.
  explicit runtime(const options& o = {});

  /// stop(), for at most 10 s; what has not ended by then is reported, and the process terminated.
  ~runtime();

  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Errors     invalid_argument for options out of range; what the kernel says if threads or rings cannot be
  ///            had.
  [[nodiscard]] static result<std::unique_ptr<runtime>> open(const options& o = {});

  /// block_on(f), then stop(): when f ends, so does all else.
  template <body F>
  returns_t<F> run(F&& f) {
    const stopper last{*this};
    return block_on(std::forward<F>(f));
  }

  /// Runs f in a fiber and waits for it. Rethrows.
  ///
  /// Blocks     the calling thread. Safe from  any thread but a worker.
  template <body F>
  returns_t<F> block_on(F&& f) {
    WEFT_ASSERT(detail::worker::current() == nullptr, "block_on() blocks a thread: a fiber spawns and joins");
    return spawn(std::forward<F>(f)).join();
  }

  /// weft::go(), weft::spawn() on this runtime. Safe from  any fiber or thread.
  template <action F>
  void go(F f, spawn_options o = {}, std::source_location site = std::source_location::current()) {
    detail::detach(detail::spawn_fiber(*scheduler_, std::move(f), o, site));
  }
  template <body F>
  task<returns_t<F>> spawn(F f, spawn_options o = {},
                           std::source_location site = std::source_location::current()) {
    return task<returns_t<F>>{
        detail::spawn_fiber(*scheduler_, std::move(f), o, site, detail::deadline_of(detail::spawner()))};
  }

  /// Asks every fiber, present and future, to stop. Safe from  any fiber or thread.
  void request_stop() noexcept;

  /// request_stop(), then waits until all fibers have ended, and ends the workers.
  ///
  /// Blocks     the calling thread. Safe from  any thread but a worker.
  /// Errors     deadline_exceeded: some fibers run on; the error sink has heard which.
  result<void> stop(deadline until = {});

  /// How it fares, as metrics/runtime_metrics.hpp lists it.
  ///
  /// Safe from  any fiber or thread, also after stop(). From a fiber it runs on the worker's own stack, and
  ///            nobody else runs there meanwhile.
  /// Cost       a walk over all live fibers, 5 ns each (a guess), during which none is made or freed; and
  ///            some system calls. Nothing is paid while nobody asks.
  [[nodiscard]] runtime_metrics metrics() const;

  /// Writes them as a table for people. The same holds.
  void print_stats(std::FILE* to = stderr) const;

  /// How many workers it has.
  unsigned workers() const noexcept;

  /// For weft itself.
  detail::scheduler& shared() noexcept { return *scheduler_; }

 private:
  struct stopper {
    runtime& of;
    ~stopper() { (void)of.stop(); }
  };

  explicit runtime(std::unique_ptr<detail::scheduler> s);

  std::unique_ptr<detail::scheduler> scheduler_;
  std::unique_ptr<detail::runtime_inspection> inspection_;  // goes first
};

/// Starts a runtime, runs f in it, stops it; gives or rethrows what came of f.
template <body F>
returns_t<F> run(F&& f, const options& o = {}) {
  return runtime{o}.run(std::forward<F>(f));
}

}  // namespace weft

// What a runtime has for those who look into it: its place in the list, the dump on SIGQUIT, and the report
// of fibers that were left when it was stopped, and the file of the stack census.
#pragma once

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/inspect/live_runtimes.hpp>

namespace weft::detail {

class runtime_inspection {
 public:
  /// The workers of `of` run.
  explicit runtime_inspection(scheduler& of);
  runtime_inspection(const runtime_inspection&) = delete;
  runtime_inspection& operator=(const runtime_inspection&) = delete;
  ~runtime_inspection();

  /// The runtime is about to be stopped. On a foreign thread.
  void begin_stop();

  /// The workers have ended.
  void end();

 private:
  void report_left();

  scheduler& of_;
  live_runtime listed_;
  bool dumps_ = false;  // on SIGQUIT
  atomic<bool> told_{false};
  atomic<bool> written_{false};
};

}  // namespace weft::detail

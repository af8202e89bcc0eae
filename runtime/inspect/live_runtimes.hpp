// The runtimes of the process, for who inspects it from wherever he is.
//
// A runtime is in the list from when its workers run until it is about to be destroyed, and stays while
// somebody looks at it: who looks does so for a bounded time.
#pragma once

#include <cstdint>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

class scheduler;

/// Puts a runtime into the list while it lives. Not in simulated worlds, which end in the middle.
class live_runtime : public list_node {
 public:
  explicit live_runtime(scheduler& of);
  live_runtime(const live_runtime&) = delete;
  live_runtime& operator=(const live_runtime&) = delete;
  ~live_runtime() { leave(); }

  /// Takes it out again, before its workers are gone for good. More than once does no harm.
  ///
  /// Blocks     the thread, until nobody looks at the runtime.
  void leave() noexcept;

  /// 1 for the first of the process.
  std::uint32_t number() const noexcept { return number_; }

 private:
  friend class runtimes_in_view;

  scheduler& of_;
  std::uint32_t number_ = 0;
  atomic<std::uint32_t> viewers_{0};  // a futex; changed under the lock of the list
};

/// All runtimes there are now; keeps them from going while it lives.
class runtimes_in_view {
 public:
  runtimes_in_view();
  runtimes_in_view(const runtimes_in_view&) = delete;
  runtimes_in_view& operator=(const runtimes_in_view&) = delete;
  ~runtimes_in_view();

  struct entry {
    scheduler* of;
    std::uint32_t number;
    live_runtime* listed;
  };
  const std::vector<entry>& all() const noexcept { return all_; }

 private:
  std::vector<entry> all_;
};

}  // namespace weft::detail

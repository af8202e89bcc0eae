// How many connections of a listener or a server live, on all workers, and the one who waits until none does.
#pragma once

#include <cstddef>
#include <utility>

#include <weft/net/gate.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class live_count {
 public:
  /// Before wait(), or by one that lives.
  void enter() noexcept { live_.fetch_add(1, std::memory_order_relaxed); }

  /// The last touch of who has entered: this may be gone afterwards. From any thread.
  void leave() noexcept {
    if (live_.fetch_sub(1, std::memory_order_acq_rel) == 1) ended_.open();
  }

  /// Waits until all have left. False: some have not by `until`; it may be called again. One waits at a time.
  ///
  /// Blocks     the calling fiber, whatever it is asked.
  bool wait(deadline until) noexcept {
    if (!std::exchange(waited_, true)) leave();
    return ended_.wait(until, /*cancellable=*/false, park_reason::join) == wake_reason::woken;
  }

 private:
  atomic<std::size_t> live_{1};  // one more for who has not called wait() yet
  bool waited_ = false;
  gate ended_;
};

}  // namespace weft::detail

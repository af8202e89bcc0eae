#include <weft/runtime/inspect/live_runtimes.hpp>

#include <climits>
#include <mutex>

#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {
namespace {

struct registry {
  thread_mutex lock;  // guards the rest
  intrusive_list<live_runtime> all;
  std::uint32_t numbers_given = 0;
};

// Never destroyed: a runtime may end after main().
registry& here() {
  static registry& instance = *new registry;
  return instance;
}

}  // namespace

live_runtime::live_runtime(scheduler& of) : of_{of} {
  if constexpr (simulated) return;
  const std::lock_guard hold{here().lock};
  number_ = ++here().numbers_given;
  here().all.push_back(*this);
}

void live_runtime::leave() noexcept {
  if constexpr (simulated) return;
  {
    const std::lock_guard hold{here().lock};
    if (linked()) unlink();
  }
  for (std::uint32_t seen = viewers_.load(std::memory_order_acquire); seen != 0;
       seen = viewers_.load(std::memory_order_acquire))
    futex_wait(viewers_, seen, deadline::never());
  const std::lock_guard hold{here().lock};  // the last viewer has let go of us
}

runtimes_in_view::runtimes_in_view() {
  const std::lock_guard hold{here().lock};
  all_.reserve(here().all.count());
  for (live_runtime& r : here().all) {
    r.viewers_.fetch_add(1, std::memory_order_relaxed);
    all_.push_back({&r.of_, r.number_, &r});
  }
}

runtimes_in_view::~runtimes_in_view() {
  const std::lock_guard hold{here().lock};
  for (const entry& e : all_)
    if (e.listed->viewers_.fetch_sub(1, std::memory_order_release) == 1)
      futex_wake(&e.listed->viewers_, INT_MAX);
}

}  // namespace weft::detail

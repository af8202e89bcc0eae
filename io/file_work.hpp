// Reads and writes of files that have no readiness (regular files, block devices), run on the offload pool
// for a poller that cannot wait for them itself.
//
// A thread of the pool performs the call, puts the job on a lock-free list and wakes the poller; the poller's
// thread takes the whole list. The job's last access to anything of the poller's is its count in running_,
// for which the destructor waits.
#pragma once

#include <cstddef>

#include <weft/io/operation_list.hpp>
#include <weft/io/wake_event.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {

class offload_pool;

class file_work {
 public:
  file_work(offload_pool* pool, wake_event& wake) noexcept : pool_{pool}, wake_{wake} {}
  file_work(const file_work&) = delete;
  file_work& operator=(const file_work&) = delete;
  ~file_work();

  /// Starts `op` on the pool. False: there is no pool, or it has no room, so `op` was performed here,
  /// blocking this thread; its result is in poller_result.
  bool start(operation& op) noexcept;

  /// Takes `op` back. False: a thread has begun it, so it goes on to its end.
  bool withdraw(operation& op) noexcept;

  /// Operations that have ended since the last call; the result is in poller_result.
  operation_list collect() noexcept;

  bool any_ended() const noexcept { return finished_.load(std::memory_order_relaxed) != nullptr; }

 private:
  struct job;
  void run(job& work) noexcept;
  void link(job& work) noexcept;
  void discard(job& work) noexcept;

  offload_pool* pool_;
  wake_event& wake_;
  job* started_ = nullptr;            // all that collect() has not freed; the owner's
  atomic<job*> finished_{nullptr};    // pushed by the pool's threads, newest first
  atomic<std::uint32_t> running_{0};  // jobs whose thread may still touch this object
};

}  // namespace weft::detail

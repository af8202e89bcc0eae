// Threads that may block: they run what neither a fiber nor the ring can do without stopping a worker.
//
// A job is submitted from a fiber's stack, where no thread can be started: that takes more stack than a fiber
// may have left. So a thread that is about to run a job while no other one waits first starts its own
// successor: until threads_max, there is always one that waits. Those that wait form a stack, so that the
// topmost takes all when there is little to do, and the ones below it time out and go. The lowest waits
// without a timeout.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <system_error>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/os_thread.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

/// One call on a thread of the pool. Belongs to the pool from submit() until run() is called, or withdraw()
/// is true.
struct offload_job {
  /// May block as long as it wants. May free the job, or wake who waits for it, as the last thing it does
  /// with it.
  void (*run)(offload_job& self) noexcept = nullptr;

  list_node node{};  // the pool's
};

struct offload_options {
  std::size_t threads_min = 0;   // are kept though idle; one always is
  std::size_t threads_max = 64;  // at least 1
  std::chrono::nanoseconds idle =
      std::chrono::seconds{10};    // how long a thread waits for a job before it ends
  std::size_t queue_max = 65'536;  // jobs that wait for a thread
};

struct offload_stats {
  std::size_t threads = 0;
  std::size_t idle = 0;
  std::size_t queued = 0;
  std::uint64_t submitted = 0;
  std::uint64_t completed = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t refused = 0;  // submit() was false
};

class offload_pool {
 public:
  /// Starts the first thread; error() tells whether that worked.
  explicit offload_pool(const offload_options& options = {});
  offload_pool(const offload_pool&) = delete;
  offload_pool& operator=(const offload_pool&) = delete;

  /// Blocks until all jobs have run, those too that wait in the queue. Nobody may submit any more.
  ~offload_pool();

  /// Queues `job`. False: the queue is full, or the pool has no thread.
  ///
  /// Safe from  any fiber or thread, jobs included.
  /// Cost       two atomic operations and, if a thread must be woken, one system call.
  [[nodiscard]] bool submit(offload_job& job) noexcept;

  /// Takes `job`, which was submitted, out of the queue. False: it runs or has run, so it may be gone as soon
  /// as it has told so to its owner.
  bool withdraw(offload_job& job) noexcept;

  /// Why the last thread that should have been started was not; no error if the last one was.
  std::error_code error() const noexcept;

  offload_stats stats() const noexcept;

 private:
  struct member {
    os_thread thread;
    bool known = false;  // `thread` is set, so that somebody else can join it
  };
  using place = std::list<member>::iterator;
  using guard = std::unique_lock<thread_mutex>;

  /// A thread that waits, in its own frame.
  struct sleeper {
    list_node node;
    atomic<std::uint32_t> woken{0};  // set under mutex_, in the same section that takes it out of sleepers_
  };

  void work(place self) noexcept;
  void run_one(guard& lock, offload_job& job) noexcept;
  bool wait(guard& lock, place self) noexcept;
  void retire(guard& lock, place self) noexcept;
  void start_thread(guard& lock) noexcept;

  const offload_options options_;

  mutable thread_mutex mutex_;  // guards all below
  intrusive_list<offload_job, &offload_job::node> queue_;
  intrusive_list<sleeper, &sleeper::node> sleepers_;  // the front is woken first
  std::list<member> threads_;
  std::list<member> ended_;  // to be joined: the last one that retired
  std::size_t coming_ = 0;   // threads on their way to the queue: started or woken, and not there yet
  atomic<std::uint32_t> starting_{
      0};  // threads in start_thread(); also the word that the destructor sleeps on
  bool stopping_ = false;
  std::error_code error_;
  offload_stats stats_;  // `threads` and `idle` are filled in by stats()
};

}  // namespace weft::detail

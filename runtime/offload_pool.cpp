#include <weft/runtime/offload_pool.hpp>

#include <iterator>

namespace weft::detail {

offload_pool::offload_pool(const offload_options& options) : options_{options} {
  WEFT_ASSERT(options.threads_max > 0, "an offload pool without threads");
  WEFT_ASSERT(options.threads_min <= options.threads_max);
  guard lock{mutex_};
  start_thread(lock);
}

offload_pool::~offload_pool() {
  guard lock{mutex_};
  stopping_ = true;
  while (sleeper* const s = sleepers_.pop_front()) {
    ++coming_;
    s->woken.store(1, std::memory_order_release);
    futex_wake(&s->woken, 1);
  }
  // After this no thread is started, and none moves between the lists: all are in one, and can be joined.
  while (const std::uint32_t starting = starting_.load(std::memory_order_acquire)) {
    lock.unlock();
    futex_wait(starting_, starting, deadline::never());
    lock.lock();
  }
  lock.unlock();
  ended_.clear();
  threads_.clear();
  WEFT_ASSERT(queue_.empty(), "submitted to an offload pool that was being destroyed");
}

bool offload_pool::submit(offload_job& job) noexcept {
  guard lock{mutex_};
  if (stats_.queued >= options_.queue_max || threads_.empty()) {
    ++stats_.refused;
    return false;
  }
  queue_.push_back(job);
  ++stats_.queued;
  ++stats_.submitted;
  sleeper* const s = sleepers_.pop_front();
  if (s == nullptr) return true;
  ++coming_;
  const atomic<std::uint32_t>* const word = &s->woken;
  s->woken.store(1, std::memory_order_release);
  lock.unlock();
  futex_wake(word, 1);  // the sleeper may be gone by now: its word is not touched
  return true;
}

bool offload_pool::withdraw(offload_job& job) noexcept {
  const guard lock{mutex_};
  if (!job.node.linked()) return false;
  job.node.unlink();
  --stats_.queued;
  ++stats_.withdrawn;
  return true;
}

std::error_code offload_pool::error() const noexcept {
  const guard lock{mutex_};
  return error_;
}

offload_stats offload_pool::stats() const noexcept {
  const guard lock{mutex_};
  offload_stats now = stats_;
  now.threads = threads_.size();
  now.idle = sleepers_.count();
  return now;
}

/// The life of a thread.
void offload_pool::work(place self) noexcept {
  guard lock{mutex_};
  --coming_;
  for (;;) {
    if (offload_job* const job = queue_.pop_front()) run_one(lock, *job);
    else if (stopping_) return;
    else if (!wait(lock, self)) return retire(lock, self);
  }
}

void offload_pool::run_one(guard& lock, offload_job& job) noexcept {
  --stats_.queued;
  // Nobody would hear the next submit(): start somebody who will, before this job blocks.
  if (sleepers_.empty() && coming_ == 0 && threads_.size() < options_.threads_max && !stopping_)
    start_thread(lock);
  lock.unlock();
  job.run(job);
  lock.lock();
  ++stats_.completed;
}

/// Waits to be woken. False: for too long, the thread is not needed.
bool offload_pool::wait(guard& lock, place self) noexcept {
  sleeper s;
  const bool needed = sleepers_.empty() || threads_.size() <= options_.threads_min;
  const deadline until = needed ? deadline::never() : deadline{options_.idle};
  sleepers_.push_front(s);
  lock.unlock();
  while (s.woken.load(std::memory_order_acquire) == 0 && futex_wait(s.woken, 0, until)) {}
  lock.lock();
  if (s.woken.load(std::memory_order_relaxed) != 0) {
    --coming_;
    return true;
  }
  s.node.unlink();
  // One that is not known yet cannot be joined. It comes back at once, and is known a moment later.
  return !self->known || threads_.size() <= options_.threads_min;
}

/// Leaves itself to be joined by the next that retires, or by the destructor, and joins the one before.
void offload_pool::retire(guard& lock, place self) noexcept {
  std::list<member> before;
  before.swap(ended_);
  ended_.splice(ended_.end(), threads_, self);
  lock.unlock();
}

void offload_pool::start_thread(guard& lock) noexcept {
  const place fresh = threads_.emplace(threads_.end());
  ++coming_;
  starting_.fetch_add(1, std::memory_order_relaxed);
  lock.unlock();
  result<os_thread> thread = os_thread::start("weft-offload", [this, fresh] { work(fresh); });
  lock.lock();
  if (thread) {
    fresh->thread = std::move(*thread);
    fresh->known = true;
    error_.clear();
  } else {
    error_ = thread.error();
    threads_.erase(fresh);
    --coming_;
  }
  starting_.fetch_sub(1, std::memory_order_release);
  futex_wake(&starting_, 1);
}

}  // namespace weft::detail

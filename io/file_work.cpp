#include <weft/io/file_work.hpp>

#include <cerrno>
#include <utility>

#include <weft/io/attempt.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/offload_pool.hpp>

namespace weft::detail {

struct file_work::job : offload_job {
  file_work* owner = nullptr;
  operation* op = nullptr;
  int outcome = 0;
  job* next = nullptr;      // in started_
  job* previous = nullptr;  // in started_
  job* next_finished = nullptr;
};

file_work::~file_work() {
  WEFT_ASSERT(started_ == nullptr, "a poller ends before its file operations");
  while (running_.load(std::memory_order_acquire) != 0) spin_pause();  // pairs with the release in run()
}

bool file_work::start(operation& op) noexcept {
  if (pool_ != nullptr) {
    auto* const work = new job;
    work->run = [](offload_job& self) noexcept {
      auto& mine = static_cast<job&>(self);
      mine.owner->run(mine);
    };
    work->owner = this;
    work->op = &op;
    link(*work);
    running_.fetch_add(1, std::memory_order_relaxed);
    if (pool_->submit(*work)) return true;
    running_.fetch_sub(1, std::memory_order_relaxed);
    discard(*work);
  }
  op.poller_result = perform_blocking(op);
  return false;
}

void file_work::run(job& work) noexcept {
  work.outcome = perform_blocking(*work.op);
  job* newest = finished_.load(std::memory_order_relaxed);
  do work.next_finished = newest;
  while (
      !finished_.compare_exchange_weak(newest, &work, std::memory_order_release, std::memory_order_relaxed));
  // From here on the job may be freed, and this object destroyed as soon as running_ says so.
  wake_.wake();
  running_.fetch_sub(1, std::memory_order_release);
}

// Few jobs at a time, and a cancel is rare: searched, so that an operation need not carry a link to its job.
bool file_work::withdraw(operation& op) noexcept {
  job* work = started_;
  while (work != nullptr && work->op != &op) work = work->next;
  if (work == nullptr || !pool_->withdraw(*work)) return false;
  running_.fetch_sub(1, std::memory_order_relaxed);
  discard(*work);
  return true;
}

operation_list file_work::collect() noexcept {
  operation_list ended;
  if (!any_ended()) return ended;
  job* newest = finished_.exchange(nullptr, std::memory_order_acquire);
  while (newest != nullptr) {
    job& work = *std::exchange(newest, newest->next_finished);
    work.op->poller_result = work.outcome;
    ended.push_front(*work.op);  // the list is newest first
    discard(work);
  }
  return ended;
}

void file_work::link(job& work) noexcept {
  work.next = started_;
  if (started_ != nullptr) started_->previous = &work;
  started_ = &work;
}

void file_work::discard(job& work) noexcept {
  (work.previous != nullptr ? work.previous->next : started_) = work.next;
  if (work.next != nullptr) work.next->previous = work.previous;
  delete &work;
}

}  // namespace weft::detail

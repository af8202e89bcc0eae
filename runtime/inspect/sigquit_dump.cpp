#include <weft/runtime/inspect/sigquit_dump.hpp>

#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include <unistd.h>

#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/inspect/fibers.hpp>

namespace weft::detail {
namespace {

constinit thread_mutex users_lock;  // guards the two below
constinit unsigned users = 0;
constinit sigquit_dump* the_one = nullptr;

}  // namespace

result<void> sigquit_dump::acquire() {
  const std::lock_guard hold{users_lock};
  if (users == 0) {
    auto made = std::make_unique<sigquit_dump>();
    WEFT_TRY(made->start());
    the_one = made.release();
  }
  ++users;
  return {};
}

void sigquit_dump::release() noexcept {
  const std::lock_guard hold{users_lock};
  if (--users != 0) return;
  the_one->stop();
  delete std::exchange(the_one, nullptr);
}

result<void> sigquit_dump::start() {
  thread_ = WEFT_TRY(os_thread::start("weft-sigquit", [this] { run(); }));
  watcher_.emplace(SIGQUIT, bell_);
  if (const auto begun = watcher_->begin(); !begun) {
    stop();
    return begun;
  }
  return {};
}

void sigquit_dump::stop() noexcept {
  watcher_.reset();
  enough_.store(true, std::memory_order_relaxed);
  bell_.fetch_add(1, std::memory_order_release);
  futex_wake(&bell_, 1);
  thread_.join();
}

// Signals that come while it prints count as one.
void sigquit_dump::run() noexcept {
  for (std::uint32_t heard = 0;;) {
    const std::uint32_t rung = bell_.load(std::memory_order_acquire);
    if (enough_.load(std::memory_order_relaxed)) return;
    if (rung == heard) {
      futex_wait(bell_, heard, deadline::never());
      continue;
    }
    heard = rung;
    try {
      (void)dump_fibers(STDERR_FILENO);
    } catch (const std::exception&) {  // root: no memory to print with; the next signal tries again
    }
  }
}

}  // namespace weft::detail

// A thread of the operating system, joined when its owner goes.
//
// From its first instruction on it blocks every asynchronous signal, so that a handler of the embedding
// program never runs on it; the signals that a fault raises stay deliverable. Its stack is 8 MiB whatever
// RLIMIT_STACK says: on_thread_stack() and the worker between batches count on it. The simulator links
// another definition, whose threads are simulated.
#pragma once

#include <functional>
#include <utility>

#include <weft/runtime/base/result.hpp>

namespace weft::detail {

class os_thread {
 public:
  /// Starts `body`, under a name of which the kernel keeps 15 characters.
  ///
  /// Errors     the errno of pthread_create, such as EAGAIN at a limit on threads.
  [[nodiscard]] static result<os_thread> start(const char* name, std::move_only_function<void()> body);

  os_thread() = default;
  os_thread(os_thread&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  os_thread& operator=(os_thread&& other) noexcept {
    if (this != &other) {
      join();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~os_thread() { join(); }

  bool joinable() const noexcept { return state_ != nullptr; }

  /// Waits for the end of the thread; does nothing if there is none. Blocks the calling thread.
  void join() noexcept;

 private:
  struct state;  // on the heap: it must not move while the thread starts

  explicit os_thread(state* s) noexcept : state_{s} {}

  state* state_ = nullptr;
};

}  // namespace weft::detail

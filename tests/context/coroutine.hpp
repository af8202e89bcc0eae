// The smallest user of a context: a function on a stack of its own that the test resumes and that suspends
// itself.
//
// Every suspension treats exceptions in flight as the scheduler does. Not movable while it runs; one thread
// at a time.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <utility>

#include <weft/runtime/context/context.hpp>
#include <weft/runtime/context/exceptions.hpp>

namespace weft::test {

/// Sanitizers' frames are several times as large.
inline constexpr std::size_t stack_scale = WEFT_ASAN || WEFT_TSAN ? 8 : 1;

/// Zeroed memory with an inaccessible page below it.
class test_stack {
 public:
  explicit test_stack(std::size_t size = 64 * 1024 * stack_scale) : size_(size) {
    mapping_ = static_cast<std::byte*>(mmap(nullptr, guard + size, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (mapping_ == MAP_FAILED || mprotect(mapping_, guard, PROT_NONE) != 0) std::abort();
  }
  ~test_stack() { munmap(mapping_, guard + size_); }
  test_stack(const test_stack&) = delete;
  test_stack& operator=(const test_stack&) = delete;

  std::byte* base() const { return mapping_ + guard; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t guard = 64 * 1024;

  std::byte* mapping_;
  std::size_t size_;
};

/// As the scheduler's suspension points: `from` must not carry exceptions away from its thread, nor leave
/// them to `to`.
WEFT_ALWAYS_INLINE void suspend_into(detail::context& from, detail::context& to) {
  detail::exception_state* state = detail::thread_exception_state();
  if (detail::exception_in_flight(state)) [[unlikely]] {
    const detail::exception_parking parked(state);
    detail::context_switch(from, to);
  } else {
    detail::context_switch(from, to);
  }
}

class coroutine {
 public:
  coroutine(const test_stack& stack, std::function<void()> body) : body_(std::move(body)) {
    detail::context_create(own_, stack.base(), stack.size(), run);
  }
  ~coroutine() { detail::context_destroy(own_); }
  coroutine(const coroutine&) = delete;
  coroutine& operator=(const coroutine&) = delete;

  /// Runs the body until it suspends or ends; always from the same stack. False once it has ended.
  bool resume() {
    coroutine* outer = std::exchange(current, this);
    if (!std::exchange(started_, true)) {
      if (outer == nullptr) detail::context_adopt_thread(resumer_);
      else resumer_ = outer->own_;  // whoever runs on that stack now
    }
    suspend_into(resumer_, own_);
    current = outer;
    return !ended_;
  }

  /// Called by the body: goes back to resume().
  WEFT_ALWAYS_INLINE static void suspend() {
    coroutine* self = current;
    suspend_into(self->own_, self->resumer_);
  }

  bool ended() const { return ended_; }
  detail::context& own() { return own_; }
  detail::context& resumer() { return resumer_; }

  static thread_local coroutine* current;

 private:
  static void run() noexcept {
    coroutine* self = current;
    self->body_();
    self->body_ = nullptr;
    self->ended_ = true;
    detail::context_switch_last(self->own_, self->resumer_);
  }

  detail::context own_;
  detail::context resumer_;
  std::function<void()> body_;
  bool started_ = false;
  bool ended_ = false;
};

inline thread_local coroutine* coroutine::current = nullptr;

}  // namespace weft::test

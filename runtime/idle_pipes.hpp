// Pipes that nobody uses at the moment, kept by a worker for the next fiber that moves pages through one.
//
// A pipe that is made, made larger and closed again costs 9 us (measured), as much as moving some 25 KiB; one
// that is kept costs two descriptors. They go with the poller that keeps them.
#pragma once

#include <cstddef>

#include <unistd.h>

namespace weft::detail {

struct pipe_ends {
  int read = -1;
  int write = -1;
};

/// Of one thread.
class idle_pipes {
 public:
  idle_pipes() = default;
  idle_pipes(const idle_pipes&) = delete;
  idle_pipes& operator=(const idle_pipes&) = delete;
  ~idle_pipes() {
    while (count_ > 0) close(kept_[--count_]);
  }

  /// The one that was used last: {-1, -1} if none is kept.
  pipe_ends take() noexcept { return count_ > 0 ? kept_[--count_] : pipe_ends{}; }

  /// `pipe` is empty. Closes it if there are enough.
  void keep(pipe_ends pipe) noexcept {
    if (count_ < kept_max) kept_[count_++] = pipe;
    else close(pipe);
  }

  static void close(pipe_ends pipe) noexcept {
    ::close(pipe.read);
    ::close(pipe.write);
  }

  std::size_t count() const noexcept { return count_; }

 private:
  static constexpr std::size_t kept_max = 4;  // a guess: that many transfers at a time on one worker

  pipe_ends kept_[kept_max];
  std::size_t count_ = 0;
};

}  // namespace weft::detail

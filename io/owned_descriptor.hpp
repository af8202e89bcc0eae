// A file descriptor that is closed when its owner goes: for numbers that come and go between calls.
//
// Nobody waits on it through this object. What fibers read, write or close at the same time belongs into a
// stream or socket of weft, which release() hands it to.
#pragma once

#include <unistd.h>

#include <utility>

namespace weft::io {

class owned_descriptor {
 public:
  /// None.
  owned_descriptor() noexcept = default;

  /// Owns `fd`; -1: none.
  explicit owned_descriptor(int fd) noexcept : fd_{fd} {}

  owned_descriptor(owned_descriptor&& from) noexcept : fd_{from.release()} {}
  owned_descriptor& operator=(owned_descriptor&& from) noexcept {
    reset(from.release());
    return *this;
  }
  ~owned_descriptor() { reset(); }

  /// The number, still owned by this; -1: none.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// The number, which is the caller's to close from now on.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what it owns, and owns `fd` instead.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace weft::io

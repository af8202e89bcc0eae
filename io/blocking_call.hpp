// System calls that may block and that no poller knows (opening, syncing, what is done to names): on a thread
// of the offload pool, while the calling fiber waits.
//
// The ring has operations for most of them too, but hands them to a thread of the kernel's, which costs as
// much as a thread of ours: some 10 us (measured: stat 2.2, STATX through the ring 10.6). So both backends
// share this one way.
#pragma once

#include <cerrno>
#include <concepts>
#include <string>
#include <string_view>
#include <system_error>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/blocking.hpp>

namespace weft::detail {

inline std::unexpected<std::error_code> system_error(int number) noexcept {
  return std::unexpected(std::error_code{number, std::system_category()});
}

/// f(), which answers as a system call does, until no signal interrupts it.
template <std::invocable F>
auto uninterrupted(F f) noexcept -> result<decltype(f())> {
  for (;;) {
    const auto r = f();
    if (r >= 0) return r;
    if (errno != EINTR) return system_error(errno);
  }
}

/// The same on a thread that may block.
///
/// Blocks     the calling fiber; a foreign thread calls f itself.
/// Errors     f's; limit; deadline_exceeded, canceled: f has not been called.
/// Cancelled  only while no thread has begun with f.
template <std::invocable F>
auto blocking_call(F f, deadline until) -> result<decltype(f())> {
  return blocking([&] { return uninterrupted(f); }, until);
}

/// A path as the kernel takes it. Errors: EINVAL, if there is a NUL in it.
inline result<std::string> kernel_path(std::string_view path) {
  if (path.find('\0') != path.npos) return system_error(EINVAL);
  return std::string{path};
}

}  // namespace weft::detail

// What this machine's kernel lets weft do, found out by trial: never by version, because distributions
// backport, cut and forbid. For weft-doctor, and for make_poller's choice.
#pragma once

#include <array>

namespace weft::detail {

/// One thing that was tried. 0: works; else the errno.
struct io_trial {
  const char* name = nullptr;
  const char* without = nullptr;  // what it costs not to have it
  int error = 0;

  bool works() const noexcept { return error == 0; }
};

struct io_support {
  /// A ring as weft makes it can be made here; else the errno, and in words why and how to mend it.
  int ring_error = 0;
  const char* ring_reason = "";

  unsigned ring_depth = 0;   // submissions that fit: less than 512 when RLIMIT_MEMLOCK is short
  unsigned completions = 0;  // that fit
  bool descriptor_registered = false;
  bool threads_bounded = false;
  bool epoll_pwait2 = false;  // else epoll sleeps in whole milliseconds

  std::array<io_trial, 5> setup_flags{};
  std::array<io_trial, 10> operations{};

  /// What make_poller chooses for backend::automatic, WEFT_BACKEND not considered: "io_uring" or "epoll".
  const char* chosen = "";

  bool ring_works() const noexcept { return ring_error == 0; }
};

/// Makes a few rings on the calling thread and closes them again. Cost: some milliseconds.
io_support probe_io() noexcept;

/// Whether a worker may sleep in its ring. Not under valgrind, which runs one thread at a time and does not
/// know that io_uring_enter() may block: all other threads would wait for ever.
bool ring_is_safe() noexcept;

/// Why there is no descriptor (EMFILE, ENFILE), and what mends it, in one line. Static text.
const char* explain_descriptor_shortage(int error) noexcept;

}  // namespace weft::detail

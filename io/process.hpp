// Child processes: started without fork(), waited for, talked to and ended as fibers do everything else.
//
// posix_spawn() runs on the offload pool (it waits for the child's exec). The child begins with no signal
// blocked, SIGPIPE at its default, and none of weft's descriptors: all of them are close-on-exec. Its end is
// the readiness of a pidfd, so waiting costs no thread and no SIGCHLD handler; what else the program does
// with SIGCHLD does not matter, unless it ignores it or takes all children with wait(). Source:
// pidfd_open(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <weft/io/byte_stream.hpp>
#include <weft/io/descriptor.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::process {

/// What a standard descriptor of the child is.
enum class standard : std::uint8_t {
  inherit,  // this process's own
  null,     // /dev/null
  pipe,     // a pipe to this process
};

struct command {
  std::vector<std::string> arguments;  // the first one is the program, searched for in PATH
  std::optional<std::vector<std::string>> environment{};  // "NAME=value"; none: that of this process
  std::string directory{};                                // empty: that of this process
  standard input = standard::inherit;
  standard output = standard::inherit;
  standard error = standard::inherit;
};

/// How a child has ended.
struct exit_status {
  int code = 0;    // if it exited
  int signal = 0;  // else what ended it
  bool success() const noexcept { return code == 0 && signal == 0; }
};

/// This process's end of a pipe: written for the child's input, read for its output. Moves only; closed from
/// the start if the command did not ask for it. All else is in io/byte_stream.hpp.
class pipe_end : public detail::file_stream {
 public:
  pipe_end() noexcept : byte_stream{-1} {}
  explicit pipe_end(int fd) noexcept : byte_stream{fd} {}
};

/// Moves only; assigning ends the one that was there, as ~child does.
class child {
 public:
  /// None.
  child() noexcept = default;
  child(child&& from) noexcept;
  child& operator=(child&& from) noexcept;

  /// If wait() has not succeeded: kill(), and waits for its end, whatever happens.
  ~child();

  /// 0: none, or it has been waited for.
  pid_t pid() const noexcept { return status_ ? 0 : pid_; }

  /// Close the input to let the child see its end.
  pipe_end& input() noexcept { return pipes_[0]; }
  pipe_end& output() noexcept { return pipes_[1]; }
  pipe_end& error() noexcept { return pipes_[2]; }

  /// Waits for its end; again as often as one asks.
  ///
  /// Blocks     the calling fiber. A child that writes to a pipe which nobody reads does not end.
  /// Errors     canceled, deadline_exceeded: it runs on. ECHILD: somebody else has waited for it.
  /// Safe from  one fiber or thread at a time.
  [[nodiscard]] result<exit_status> wait(deadline until = {});

  /// Sends it a signal; never to another process that has its number by now.
  ///
  /// Errors     ESRCH: it has ended and been waited for. EPERM: it has other privileges. EINVAL.
  /// Safe from  any fiber or thread.
  result<void> kill(int signal = SIGKILL) noexcept;

  /// SIGTERM, and SIGKILL if it has not ended after `grace`; waits for its end.
  ///
  /// Errors     canceled: it has been killed, and not yet waited for. As wait() and kill() else.
  [[nodiscard]] result<exit_status> stop(std::chrono::nanoseconds grace);

 private:
  friend result<child> spawn(const command&, deadline);
  friend struct starter;

  result<exit_status> reap() noexcept;
  void end() noexcept;

  pid_t pid_ = 0;
  detail::descriptor pidfd_;
  std::optional<exit_status> status_{};
  pipe_end pipes_[3];
};

/// Starts a child.
///
/// Blocks     the calling fiber, until its program runs; a foreign thread likewise.
/// Errors     ENOENT, EACCES, ENOEXEC, E2BIG and what else starting it gives; EMFILE; limit: the offload pool
///            takes no more. canceled, deadline_exceeded: nothing has been started.
/// Safe from  any fiber or thread.
[[nodiscard]] result<child> spawn(const command& what, deadline until = {});

}  // namespace weft::process

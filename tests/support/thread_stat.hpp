// What the kernel says of a thread of this process: the line of /proc/self/task/<id>/stat, see proc(5).
#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <sys/types.h>

namespace weft_test {

struct thread_stat {
  char state = 0;
  unsigned long flags = 0;  // PF_...: the kernel's, include/linux/sched.h

  /// Waits in the kernel for something.
  bool sleeps() const noexcept { return state == 'S'; }

  /// Has begun to end: true of a thread that was joined, though it may be listed for another moment.
  bool ends() const noexcept { return (flags & 0x4) != 0; }  // PF_EXITING

  /// A thread that io_uring has made, which comes and goes as the kernel likes.
  bool of_the_kernel() const noexcept { return (flags & 0x10) != 0; }  // PF_IO_WORKER
};

/// Nothing if there is no such thread.
inline std::optional<thread_stat> stat_of(const std::string& thread) {
  std::ifstream file{"/proc/self/task/" + thread + "/stat"};
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');  // a name may hold spaces, and parentheses too
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields{line.substr(name_end + 1)};
  thread_stat stat;
  long skipped;  // parent, group, session, terminal, its foreground group
  fields >> stat.state >> skipped >> skipped >> skipped >> skipped >> skipped >> stat.flags;
  return fields ? std::optional{stat} : std::nullopt;
}

/// Whether that thread of ours waits in the kernel.
inline bool sleeps(pid_t thread) {
  const std::optional<thread_stat> stat = stat_of(std::to_string(thread));
  return stat && stat->sleeps();
}

}  // namespace weft_test

#include <weft/net/successor.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include <weft/io/byte_stream.hpp>
#include <weft/net/activation_variables.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/system_failure.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/cancellation_shield.hpp>

namespace weft::net {
namespace {

// What comes through the pipe: one byte of a program that is ready, an errno of one that could not be
// started.
using failure_to_start = int;

// What the child is told. All of it is made before the fork: in the child of a process of many threads
// nothing may allocate, for another thread may have held malloc's lock.
class instructions {
 public:
  instructions(const std::vector<std::string>& arguments, std::size_t sockets)
      : fds_{text_of(detail::listen_fds, std::to_string(sockets))},
        ready_{text_of(detail::ready_fd, std::to_string(detail::first_passed + sockets))},
        pid_{text_of(detail::listen_pid, std::string(pid_digits, '\0'))},
        lowest_{detail::first_passed + static_cast<int>(sockets) + 1} {
    arguments_.reserve(arguments.size() + 1);
    for (const std::string& one : arguments) arguments_.push_back(const_cast<char*>(one.c_str()));
    arguments_.push_back(nullptr);
    for (char** one = environ; *one != nullptr; ++one)
      if (!is_of_activation(*one)) environment_.push_back(*one);
    for (std::string* const one : {&fds_, &ready_, &pid_}) environment_.push_back(one->data());
    environment_.push_back(nullptr);
    passed_.reserve(sockets + 1);
  }

  // Copies that lie above the numbers which the child will have, so that none is overwritten by another.
  bool pass(int fd) {
    passed_.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, lowest_));
    return static_cast<bool>(passed_.back());
  }

  // In the child: only what is async-signal-safe. Returns if the program cannot be started: errno says why.
  void follow() {
    char* const digits = pid_.data() + pid_.size() - pid_digits;
    std::to_chars(digits, digits + pid_digits, ::getpid());
    for (std::size_t i = 0; i < passed_.size(); ++i)
      if (::dup2(passed_[i].get(), detail::first_passed + static_cast<int>(i)) < 0) return;
    reset_signals();
    ::execvpe(arguments_.front(), arguments_.data(), environment_.data());
  }

 private:
  static constexpr std::size_t pid_digits = 10;

  static std::string text_of(std::string_view name, std::string_view value) {
    std::string text{name};
    return text.append("=").append(value);
  }

  static bool is_of_activation(std::string_view variable) {
    const std::string_view name = variable.substr(0, variable.find('='));
    return std::ranges::find(detail::activation_variables, name) != detail::activation_variables.end();
  }

  // No handler of this program runs in the child: exec would reset them, but too late.
  static void reset_signals() noexcept {
    for (int number = 1; number < NSIG; ++number) {
      struct sigaction now;
      if (::sigaction(number, nullptr, &now) != 0) continue;
      if (now.sa_handler == SIG_IGN && number != SIGPIPE) continue;  // as its parent's parent wanted
      now = {};
      now.sa_handler = SIG_DFL;
      ::sigaction(number, &now, nullptr);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  std::string fds_, ready_, pid_;
  const int lowest_;
  std::vector<char*> arguments_, environment_;
  std::vector<io::owned_descriptor> passed_;
};

struct started {
  pid_t pid;
  process::pipe_end ready;
};

// On a thread that may block.
result<started> start(const std::vector<std::string>& arguments,
                      std::span<const io::owned_descriptor> sockets) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return detail::system_failure();
  started made{.pid = 0, .ready = process::pipe_end{ends[0]}};
  const io::owned_descriptor theirs{ends[1]};
  instructions what{arguments, sockets.size()};
  for (const io::owned_descriptor& one : sockets)
    if (!what.pass(one.get())) return detail::system_failure();
  if (!what.pass(theirs.get())) return detail::system_failure();

  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  made.pid = ::fork();
  if (made.pid == 0) {
    what.follow();
    const failure_to_start why = errno;
    [[maybe_unused]] const auto said = ::write(theirs.get(), &why, sizeof why);
    ::_exit(127);
  }
  const int why = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (made.pid < 0) return detail::system_failure(why);
  return made;
}

// Kills what is not ready.
result<process::exit_status> end(pid_t of) {
  const cancellation_shield whatever_happens;
  ::kill(of, SIGKILL);
  return blocking([of]() -> result<process::exit_status> {
    int status = 0;
    while (::waitpid(of, &status, 0) < 0)
      if (errno != EINTR) return detail::system_failure();
    return WIFEXITED(status) ? process::exit_status{.code = WEXITSTATUS(status)}
                             : process::exit_status{.signal = WTERMSIG(status)};
  });
}

}  // namespace

result<successor> start_successor(const std::vector<std::string>& arguments,
                                  std::span<const io::owned_descriptor> sockets, deadline until) {
  WEFT_ASSERT(!arguments.empty(), "a successor without a program");
  started next = WEFT_TRY(blocking([&] { return start(arguments, sockets); }, until));
  std::array<std::byte, sizeof(failure_to_start)> said;
  const auto heard = next.ready.read(said, until);
  if (!heard) {
    (void)end(next.pid);
    return std::unexpected(heard.error());
  }
  if (*heard == 1) return successor{.pid = next.pid};
  if (*heard == said.size()) {
    failure_to_start why = 0;
    std::memcpy(&why, said.data(), sizeof why);
    (void)end(next.pid);
    return detail::system_failure(why);
  }
  // It is about to end, and its status is fixed; or it has closed the pipe without a word.
  return successor{.pid = next.pid, .ended = WEFT_TRY(end(next.pid))};
}

}  // namespace weft::net

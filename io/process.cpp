#include <weft/io/process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <weft/io/owned_descriptor.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/system_failure.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft::process {
namespace {

// glibc 2.36 declares both without extern "C".

int pidfd_open(pid_t of) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, of, 0)); }

int send_signal(int pidfd, int signal) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

// What posix_spawn() is told, for the length of one call, on a thread of the pool.
struct starter {
  starter() noexcept {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  starter(const starter&) = delete;
  ~starter() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  // 0, or an errno. Both ends are close-on-exec; the copy that the child gets as `number` is not.
  int redirect(int number, standard how) noexcept {
    if (how == standard::inherit) return 0;
    if (how == standard::null)
      return ::posix_spawn_file_actions_addopen(&actions, number, "/dev/null",
                                                number == 0 ? O_RDONLY : O_WRONLY, 0);
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return errno;
    const bool to_child = number == 0;
    near[number].reset(fds[to_child ? 1 : 0]);
    const io::owned_descriptor theirs{fds[to_child ? 0 : 1]};
    // Never one of the standard three, which an earlier redirection might overwrite in the child.
    far[number].reset(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 3));
    if (!far[number]) return errno;
    return ::posix_spawn_file_actions_adddup2(&actions, far[number].get(), number);
  }

  // weft's threads block all signals, and a program that ignores SIGPIPE means itself.
  int reset_signals() noexcept {
    sigset_t none, pipe;
    ::sigemptyset(&none);
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &pipe);
    return ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  int prepare(const command& what) noexcept {
    if (const int error = reset_signals(); error != 0) return error;
    const standard all[] = {what.input, what.output, what.error};
    for (int number = 0; number < 3; ++number)
      if (const int error = redirect(number, all[number]); error != 0) return error;
    if (what.directory.empty()) return 0;
    return ::posix_spawn_file_actions_addchdir_np(&actions, what.directory.c_str());
  }

  result<child> start(const command& what) {
    if (const int error = prepare(what); error != 0) return detail::system_failure(error);
    const auto arguments = pointers_to(what.arguments);
    const auto environment = what.environment ? pointers_to(*what.environment) : std::vector<char*>{};
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, arguments.front(), &actions, &attributes, arguments.data(),
                                     what.environment ? environment.data() : environ);
    if (error != 0) return detail::system_failure(error);
    const int pidfd = pidfd_open(pid);
    if (pidfd < 0) {  // no descriptor left, say: nobody could wait for it
      const int why = errno;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      return detail::system_failure(why);
    }
    child made;
    made.pid_ = pid;
    made.pidfd_ = detail::descriptor{pidfd};
    for (int number = 0; number < 3; ++number) made.pipes_[number] = pipe_end{near[number].release()};
    return made;
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  io::owned_descriptor near[3], far[3];
};

result<child> spawn(const command& what, deadline until) {
  WEFT_ASSERT(!what.arguments.empty(), "a command without a program");
  return blocking([&]() -> result<child> { return starter{}.start(what); }, until);
}

child::child(child&& from) noexcept
    : pid_{std::exchange(from.pid_, 0)}, pidfd_{std::move(from.pidfd_)}, status_{from.status_} {
  for (int i = 0; i < 3; ++i) pipes_[i] = std::move(from.pipes_[i]);
}

child& child::operator=(child&& from) noexcept {
  if (this == &from) return *this;
  end();
  pid_ = std::exchange(from.pid_, 0);
  pidfd_ = std::move(from.pidfd_);
  status_ = from.status_;
  for (int i = 0; i < 3; ++i) pipes_[i] = std::move(from.pipes_[i]);
  return *this;
}

child::~child() { end(); }

void child::end() noexcept {
  if (pid() == 0) return;
  const cancellation_shield whatever_happens;
  (void)kill();
  (void)wait();
}

result<exit_status> child::wait(deadline until) {
  if (status_) return *status_;
  WEFT_TRY(pidfd_.poll(POLLIN, until));
  return reap();
}

// It has ended, so this does not wait.
result<exit_status> child::reap() noexcept {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.native_handle()), &info, WEXITED) != 0)
    return detail::system_failure();
  status_ = info.si_code == CLD_EXITED ? exit_status{.code = info.si_status}
                                       : exit_status{.signal = info.si_status};
  return *status_;
}

result<void> child::kill(int signal) noexcept {
  if (send_signal(pidfd_.native_handle(), signal) != 0) return detail::system_failure();
  return {};
}

result<exit_status> child::stop(std::chrono::nanoseconds grace) {
  if (status_) return *status_;
  WEFT_TRY(kill(SIGTERM));
  auto ended = wait(grace);
  if (ended) return ended;
  WEFT_TRY(kill(SIGKILL));
  return ended.error() == errc::canceled ? ended : wait();
}

}  // namespace weft::process

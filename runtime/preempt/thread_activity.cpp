#include <weft/runtime/preempt/thread_activity.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::detail {
namespace {

// The beginning of /proc/self/task/TID/`file`.
std::string_view read_of(pid_t tid, const char* file, std::array<char, 512>& room) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", static_cast<int>(tid), file);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t n = ::read(fd, room.data(), room.size());
  ::close(fd);
  return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

struct named_call {
  long number;
  std::string_view name;
};

// Those that a program is likely to block in. Others are reported by number.
constexpr named_call calls[] = {
    {SYS_read, "read"},
    {SYS_write, "write"},
    {SYS_readv, "readv"},
    {SYS_writev, "writev"},
    {SYS_pread64, "pread"},
    {SYS_pwrite64, "pwrite"},
    {SYS_openat, "openat"},
    {SYS_futex, "futex (a lock, a condition or a join of std or pthread)"},
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_accept, "accept"},
    {SYS_accept4, "accept4"},
    {SYS_connect, "connect"},
    {SYS_sendto, "sendto"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_sendfile, "sendfile"},
    {SYS_splice, "splice"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"},
    {SYS_ioctl, "ioctl"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_rt_sigtimedwait, "sigtimedwait"},
    {SYS_io_uring_enter, "io_uring_enter"},
    {SYS_msgrcv, "msgrcv"},
    {SYS_semtimedop, "semtimedop"},
    {SYS_getdents64, "getdents"},
    {SYS_newfstatat, "fstatat"},
    {SYS_munmap, "munmap"},
#if defined(__x86_64__)
    {SYS_poll, "poll"},
    {SYS_select, "select"},
    {SYS_epoll_wait, "epoll_wait"},
    {SYS_open, "open"},
    {SYS_stat, "stat"},
    {SYS_pause, "pause"},
#endif
};

}  // namespace

std::int64_t cpu_ns_of(pthread_t thread) noexcept {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
}

// The state follows the name, which is in parentheses and may contain some itself.
bool sleeps_in_kernel(pthread_t thread, pid_t tid) noexcept {
  std::array<char, 512> room;
  const std::string_view text = read_of(tid, "stat", room);
  const std::size_t end = text.rfind(')');
  if (end != std::string_view::npos && end + 2 < text.size())
    return text[end + 2] == 'S' || text[end + 2] == 'D';
  const std::int64_t before = cpu_ns_of(thread);
  constexpr timespec moment{.tv_sec = 0, .tv_nsec = 50'000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, nullptr);
  return cpu_ns_of(thread) == before;
}

std::string system_call_of(pid_t tid) {
  std::array<char, 512> room;
  const std::string_view text = read_of(tid, "syscall", room);
  long number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return {};
  const auto* const known = std::ranges::find(calls, number, &named_call::number);
  if (known != std::end(calls)) return std::string{known->name};
  return "system call " + std::to_string(number);
}

}  // namespace weft::detail

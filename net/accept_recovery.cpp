#include <weft/net/accept_recovery.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string>

#include <weft/io/probe.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {
namespace {

using namespace std::chrono_literals;

// The connection failed, or the network for a moment, not the listener: accept(2) says to treat these as
// EAGAIN.
bool concerns_connection(int error) noexcept {
  switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case ETIMEDOUT:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET: return true;
    default: return false;
  }
}

// So many bad connections in a row are no accident: go on, but do not spin. A guess.
constexpr unsigned bad_connections_max = 100;

constexpr std::chrono::nanoseconds silence = 1min;  // between two reports

// A foreign thread has nobody to tell.
void report(int shortage) noexcept {
  worker* const here = worker::current();
  if (here == nullptr) return;
  on_thread_stack([&] {
    here->owner().report(std::string{"connections are turned away: "} +
                         explain_descriptor_shortage(shortage));
  });
}

int open_reserve() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

accept_recovery::accept_recovery() noexcept : reserve_{open_reserve()} {}

accept_recovery::~accept_recovery() {
  if (reserve_ >= 0) ::close(reserve_);
}

std::chrono::nanoseconds accept_recovery::after(int errno_value, int listener, unsigned failures) noexcept {
  if (concerns_connection(errno_value) && failures < bad_connections_max) return 0ns;
  if (errno_value == EMFILE || errno_value == ENFILE) {
    turn_away_one(listener);
    if (report_is_due()) report(errno_value);
  }
  return std::min<std::chrono::nanoseconds>(5ms * (1 << std::min(failures - 1, 8u)), 1s);
}

void accept_recovery::turn_away_one(int listener) noexcept {
  const std::lock_guard guard{lock_};
  if (reserve_ >= 0) ::close(reserve_);
  const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection >= 0) ::close(connection);
  reserve_ = open_reserve();
}

bool accept_recovery::report_is_due() noexcept {
  const std::lock_guard guard{lock_};
  const std::int64_t now = steady_ns();
  if (now < silent_until_) return false;
  silent_until_ = now + silence.count();
  return true;
}

}  // namespace weft::detail

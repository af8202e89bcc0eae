#include <weft/net/acceptor.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <utility>

#include <weft/runtime/cancellation_shield.hpp>
#include <weft/runtime/join.hpp>
#include <weft/runtime/spawn.hpp>

namespace weft::detail {
namespace {

// Accepted and not yet handed on, beyond which accepting pauses. A guess: a burst of one turn should fit.
constexpr std::size_t accepted_max = 1024;

}  // namespace

acceptor::acceptor(int listener, accept_recovery& recovery, sink accepted, void* context) noexcept
    : recovery_{recovery}, sink_{accepted}, context_{context} {
  operation_.owner = this;
  operation_.complete = completed;
  operation_.code = operation_code::accept_many;
  operation_.fd = listener;
  operation_.flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  substitute_.owner = this;
  substitute_.step_in = step_in;
}

// Between batches, on the worker's own stack, while the fiber is parked or ready: never at the same time as
// it.
void acceptor::completed(operation& self, int result, bool more) noexcept {
  acceptor& a = *static_cast<armed_accept&>(self).owner;
  if (result >= 0) a.accepted_.push_back(result);
  else a.failure_ = -result;
  a.armed_ = more;
  if (more && a.accepted_.size() == accepted_max) worker::current()->io().cancel(self);
  if (a.waiting_ != nullptr && a.waiting_->claim(wake_reason::woken)) a.waiting_->who->resume();
}

void acceptor::arm() noexcept {
  armed_ = true;
  failure_ = 0;
  worker::current()->io().submit(operation_);
}

wake_reason acceptor::wait(deadline until, bool cancellable) noexcept {
  detail::wait w{cancellable};
  waiting_ = &w;
  const wake_reason reason = park(w, until, park_reason::io);
  waiting_ = nullptr;
  return reason;
}

void acceptor::run() {
  accepted_.reserve(accepted_max);
  handing_on_.reserve(accepted_max);
  worker::current()->standing_in().add(substitute_);
  for (;;) {
    hand_on();
    if (!armed_) {
      if (failure_ != 0 && !recover()) break;
      arm();
    }
    if (accepted_.empty() && wait(deadline::never(), true) != wake_reason::woken) break;
  }
  stop();
}

void acceptor::hand_on() {
  if (!accepted_.empty()) failures_ = 0;
  while (!accepted_.empty()) {
    std::swap(accepted_, handing_on_);
    for (const int connection : handing_on_) sink_(context_, connection);
    handing_on_.clear();
  }
}

// The operation has ended. False: asked to stop meanwhile.
bool acceptor::recover() {
  if (failure_ == ECANCELED) return true;  // by completed(), to pause
  const auto pause = recovery_.after(failure_, operation_.fd, ++failures_);
  return pause.count() == 0 || wait(pause, true) != wake_reason::canceled;
}

// On the monitor's thread. Nothing to do, or no room for a fiber: the next tick is soon.
void acceptor::step_in(stand_in& self, scheduler& of, unsigned other) noexcept {
  acceptor& a = *static_cast<substitute&>(self).owner;
  pollfd waiting{.fd = a.operation_.fd, .events = POLLIN, .revents = 0};
  if (a.substituted_.load(std::memory_order_acquire) || ::poll(&waiting, 1, 0) != 1) return;
  const spawn_options options{.name = "acceptor's substitute", .worker = other};
  try {
    fiber* const made = new_fiber(of, options, std::source_location::current(), /*or_fail=*/true);
    if (made == nullptr) return;
    a.substituted_.store(true, std::memory_order_relaxed);
    a.substitutes_.add();
    fiber& full = with_body(made, [&a] { a.accept_elsewhere(); }, options, /*inherits=*/false);
    full.begin_with(deadline::never());
    submit_fiber(full, options);
    detach(full);
  } catch (const std::bad_alloc&) {  // as if there were no room
  }
}

void acceptor::accept_at_once() {
  for (std::size_t i = 0; i < accepted_max; ++i) {
    const int connection = ::accept4(operation_.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) sink_(context_, connection);
    else if (errno != ECONNABORTED && errno != EINTR) break;  // its own acceptor deals with what is wrong
  }
}

void acceptor::accept_elsewhere() {
  accept_at_once();
  substituted_.store(false, std::memory_order_release);
  substitutes_.done();
}

void acceptor::stop() {
  worker::current()->standing_in().remove(substitute_);
  {
    const cancellation_shield until_they_are_done;
    (void)substitutes_.wait();
  }
  if (armed_) worker::current()->io().cancel(operation_);
  while (armed_) wait(deadline::never(), false);
  hand_on();
  // io_uring waits for connections exclusively: of one that came just before the end nobody else has heard,
  // though another process may wait at the same socket.
  accept_at_once();
}

}  // namespace weft::detail

#include <weft/net/acceptor.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <utility>

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

void acceptor::stop() {
  if (armed_) worker::current()->io().cancel(operation_);
  while (armed_) wait(deadline::never(), false);
  hand_on();
}

}  // namespace weft::detail

#include <weft/io/ready.hpp>

#include <ctime>

namespace weft::detail {

ready_alternative::ready_alternative(const wait& begun, int of, short events) noexcept
    : entry_{begun, nullptr} {
  code = operation_code::poll;
  fd = of;
  flags = static_cast<std::uint16_t>(events);
  complete = completed;
  descriptor = {of, events, 0};
}

bool ready_alternative::enlist(const wait& begun) noexcept {
  entry_.number = begun.number;
  if (!entry_.who->is_fiber()) return true;  // it sleeps in poll(2)
  in_flight_ = true;
  worker::current()->io().submit(*this);
  return true;
}

bool ready_alternative::leave() noexcept {
  if (in_flight_) {
    worker::current()->io().cancel(*this);
    wait end{/*cancellable=*/false};
    leaving_ = &end;
    park(end, deadline::never(), park_reason::io);
    leaving_ = nullptr;
  }
  return was_ready;
}

// On the worker of who waits.
void ready_alternative::completed(operation& self, int, bool) noexcept {
  auto& r = static_cast<ready_alternative&>(self);
  r.in_flight_ = false;
  parker* const who = r.entry_.who;
  if (r.leaving_ != nullptr) {
    who->end(r.leaving_->number);
    who->resume();
  } else if (r.entry_.claim(wake_reason::woken)) {
    r.was_ready = true;
    who->resume();
  }
}

bool ready_source::attempt(no_slot&) const noexcept {
  if (fd < 0) return true;  // ppoll would pass over it
  pollfd asked{fd, events, 0};
  const timespec now{0, 0};
  return ::ppoll(&asked, 1, &now, nullptr) > 0;
}

}  // namespace weft::detail

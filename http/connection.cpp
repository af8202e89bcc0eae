#include <weft/http/connection.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <new>
#include <system_error>
#include <utility>

#include <weft/runtime/with_deadline.hpp>

namespace weft::http::detail {

connection::connection(const service& of, const connection_times& times, object_pool<exchange>& exchanges,
                       worker_part& here, net::tcp_stream stream) noexcept
    : service_{of}, times_{times}, exchanges_{exchanges}, here_{here}, stream_{std::move(stream)} {
  here_.connections.push_back(*this);
}

connection::~connection() { unlink(); }

result<void> connection::run() {
  for (;;) {
    result<pooled<exchange>> e = exchanges_.acquire(service_, here_.date);
    if (!e) [[unlikely]]
      return std::unexpected(e.error());
    (*e)->begin(*this);
    outcome how = outcome::ended;
    try {
      how = serve(**e);
    } catch (const std::bad_alloc&) {
      can_be_refused_ = (*e)->can_be_refused();
      return std::unexpected(std::make_error_code(std::errc::not_enough_memory));
    }
    e->reset();
    if (how == outcome::ended || !wait_for_request()) return {};
  }
}

// Serves until the connection has nothing at hand for a while, or ends.
connection::outcome connection::serve(exchange& e) {
  head_until_ = {};
  for (;;) {
    switch (e.advance()) {
      case exchange::next::handle: run_handler(e); break;
      case exchange::next::write:
        if (!send_output(e)) return outcome::ended;
        head_until_ = {};
        break;
      case exchange::next::read:
        if (receive(e)) break;
        return e.idle() && !leaving_ ? outcome::idle : outcome::ended;
      case exchange::next::end:
        if (e.wants_linger()) linger(e);
        return outcome::ended;
    }
  }
}

// What has no deadline pays for none.
void connection::run_handler(exchange& e) {
  const deadline until = e.handler_until();
  if (until.is_never()) e.run_handler();
  else with_deadline(until, [&] { e.run_handler(); });
}

// Reads once. False: nothing came in time, or the connection is broken.
bool connection::receive(exchange& e) {
  waiting_ = e.idle();
  if (waiting_ && must_leave()) {
    leaving_ = true;
    return false;
  }
  if (waiting_) head_until_ = {};
  else if (head_until_.is_never()) head_until_ = deadline{times_.head};
  const deadline until = waiting_ ? deadline{std::min(times_.warm, times_.idle)} : head_until_;
  const auto got = stream_.read(e.input_space(), until);
  const bool was_waiting = std::exchange(waiting_, false);
  if (got) {
    if (*got == 0) e.peer_ended();
    else e.received(*got);
    return true;
  }
  leaving_ = leaving_ || got.error() != errc::deadline_exceeded || times_.idle <= times_.warm;
  if (was_waiting || got.error() != errc::deadline_exceeded || !e.head_begun()) return false;
  e.give_up(status::request_timeout);
  return true;
}

bool connection::send_output(exchange& e) {
  const bool sent = stream_.write_all(e.output(), deadline{times_.write}).has_value();
  e.sent();
  return sent;
}

// Waits without a buffer. False: the connection is to end.
bool connection::wait_for_request() noexcept {
  if (must_leave()) return false;
  waiting_ = true;
  const auto ready = stream_.wait_readable(deadline{times_.idle - times_.warm});
  waiting_ = false;
  return ready.has_value();
}

// To close with input unread would reset the connection, and the peer might lose the answer that it has not
// read yet. The exchange has the block that it read the request into, so this takes none.
void connection::linger(exchange& e) {
  if (!stream_.shutdown_write()) return;
  const deadline until{times_.linger};
  e.begin(*this);
  while (stream_.read(e.input_space(), until).value_or(0) != 0 && !until.expired()) {}
}

// Whether the drain ends a connection with nothing at hand: unless something has come that was not read yet.
bool connection::must_leave() const noexcept {
  if (!service_.draining.load(std::memory_order_relaxed)) [[likely]]
    return false;
  int arrived = 0;
  return ::ioctl(stream_.native_handle(), FIONREAD, &arrived) != 0 || arrived == 0;
}

void connection::end_if_idle() noexcept {
  if (waiting_ && must_leave()) ::shutdown(stream_.native_handle(), SHUT_RD);  // wakes the reader: the end
}

result<std::size_t> connection::read(std::span<std::byte> into, deadline until) {
  return stream_.read(into, until);
}

result<void> connection::write(byte_view bytes, deadline until) {
  return stream_.write_all(bytes, std::min(until, deadline{times_.write}));
}

}  // namespace weft::http::detail

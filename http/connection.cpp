#include <weft/http/connection.hpp>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include <weft/http/message/proxy_header.hpp>
#include <weft/http/response_block.hpp>
#include <weft/io/provided_buffers.hpp>
#include <weft/io/transfer.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/stop.hpp>
#include <weft/runtime/with_deadline.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::http::detail {

using weft::detail::operation_code;
using weft::detail::operation_hint;
using weft::detail::provided_buffers;
using weft::detail::worker;

namespace {

constexpr std::string_view no_memory_for_answers =
    "http: a connection is closed: there is no memory for its answers";

}  // namespace

static_assert(provided_buffers::buffer_bytes <= input_buffer::small,
              "what is received into a worker's buffer fits into an empty exchange");

connection::connection(const connection_surroundings& around, worker_part& here,
                       net::tcp_stream stream) noexcept
    : timer{expired}, around_{around}, here_{here}, stream_{std::move(stream)} {
  complete = completed;
  fd = stream_.native_handle();
  here_.connections.push_back(*this);
  worker::current()->connections.fetch_add(1, std::memory_order_relaxed);
  ++here_.counts.opened;
  around_.live.enter();
}

connection::~connection() {
  worker& on = *worker::current();
  on.timers().cancel(*this);
  unlink();
  on.connections.fetch_sub(1, std::memory_order_relaxed);
  ++here_.counts.closed;
}

void connection::begin(pooled<connection> record) noexcept {
  connection& c = *record;
  c.self_ = std::move(record);
  c.start();
}

void connection::end() noexcept {
  WEFT_ASSERT(!in_flight_, "a connection ends before its operation");
  if (successor_ >= 0) [[unlikely]]
    return succeed();
  weft::detail::live_count& live = around_.live;
  give_exchange();
  stream_.close();
  std::exchange(self_, {}).reset();  // this
  live.leave();
}

// A server that is about to end serves nobody any more.
void connection::succeed() noexcept {
  stream_ = net::tcp_stream{std::exchange(successor_, -1)};
  fd = stream_.native_handle();
  late_ = false;
  client_.reset();
  ++here_.counts.evicted;
  ++here_.counts.opened;
  ++here_.counts.closed;
  if (stopping_) return end();
  start();
}

// --- operations and time

void connection::submit(state s, operation_code what, void* bytes, std::size_t length_) noexcept {
  state_ = s;
  code = what;
  address = bytes;
  length = static_cast<std::uint32_t>(length_);
  flags = 0;
  hint = drained_ && what != operation_code::send ? operation_hint::not_ready : operation_hint::none;
  in_flight_ = true;
  worker::current()->io().submit(*this);
}

void connection::completed(operation& self, int result, bool) noexcept {
  auto& c = static_cast<connection&>(self);
  c.in_flight_ = false;
  switch (c.state_) {
    case state::beginning: return c.proxy_says(result);
    case state::waiting: return c.request_begins(result);
    case state::reading: return c.has_read(result);
    case state::sending: return c.has_sent(result);
    case state::handling: return c.peer_changed(result);
    case state::unwatched: return c.go_on();
    case state::lingering: return c.has_discarded(result);
  }
}

void connection::limit(deadline until) noexcept {
  until_ = until;
  late_ = false;
  if (until.is_never() || (armed() && at <= until.at)) [[likely]]
    return;
  auto& timers = worker::current()->timers();
  timers.cancel(*this);
  timers.insert(*this, until.at);
}

// From the last look at the clock.
inline deadline connection::after(std::chrono::nanoseconds time) const noexcept {
  deadline then;
  if (time.count() < then.at - here_.now) then.at = here_.now + time.count();
  return then;
}

void connection::expired(timer& self) noexcept {
  auto& c = static_cast<connection&>(self);
  if (c.until_.is_never()) return;
  if (!c.until_.expired()) return worker::current()->timers().insert(c, c.until_.at);
  if (c.state_ == state::handling) return c.handler_lasts();
  c.late_ = true;
  c.break_off();
}

// What it waits for ends early, and says so by completing.
void connection::break_off() noexcept {
  if (in_flight_) worker::current()->io().cancel(*this);
}

void connection::end_if_idle() noexcept {
  if (is_silent() && must_leave()) break_off();
}

std::int64_t connection::idle_since() const noexcept {
  if (!is_silent() || successor_ >= 0 || stopping_) return INT64_MAX;
  return until_.at - (state_ == state::waiting ? around_.times.idle : around_.times.head).count();
}

// Whether nothing has come of what it waits for.
bool connection::is_silent() const noexcept {
  return state_ == state::waiting || (state_ == state::beginning && !exchange_->head_begun());
}

void connection::give_way(net::tcp_stream successor) noexcept {
  successor_ = successor.release();
  break_off();
}

void connection::stop() noexcept {
  stopping_ = true;
  if (state_ != state::handling) break_off();
  else if (handler_ != nullptr) weft::detail::request_stop(*handler_, stop_reason::parent);
}

// Whether the drain ends a connection with nothing at hand: unless something has come that was not read yet.
bool connection::must_leave() const noexcept {
  if (!around_.of.closing_idle.load(std::memory_order_relaxed)) [[likely]]
    return false;
  int arrived = 0;
  return ::ioctl(fd, FIONREAD, &arrived) != 0 || arrived == 0;
}

// --- a connection begins

void connection::start() noexcept {
  here_.look_at_clock();
  if (around_.of.proxied) [[unlikely]]
    return wait_for_proxy();
  wait_for_request();
}

// The header comes as soon as the connection has been made, mostly with a request: so it is read into an
// exchange from the first byte on.
void connection::wait_for_proxy() noexcept {
  give_exchange();
  if (must_leave()) return end();
  head_until_ = {};
  drained_ = false;
  take_exchange();
  exchange_ ? read_on(state::beginning) : no_memory();
}

void connection::proxy_says(int received) noexcept {
  --here_.counts.reading;
  if (received <= 0) {
    const bool asked = late_ || stopping_ || successor_ >= 0;
    if (received == -ECANCELED && !asked && !must_leave()) return read_on(state::beginning);
    return exchange_->head_begun() && !stopping_ ? refuse_proxy() : end();
  }
  has_received(received);
  proxy_header header;
  switch (parse_proxy_header(exchange_->unparsed(), header)) {
    case parse_outcome::incomplete: return read_on(state::beginning);
    case parse_outcome::failed: return refuse_proxy();
    case parse_outcome::complete: break;
  }
  if (header.source) client_.reset(new (std::nothrow) net::address{*header.source});
  if (header.source && !client_) return no_memory();
  exchange_->drop(header.length);
  head_until_ = {};
  if (exchange_->idle()) return wait_for_request();
  go_on();
}

// Without an answer: nobody knows what the peer speaks. One report a second and worker tells what is wrong,
// however many there are.
void connection::refuse_proxy() noexcept {
  const std::int64_t now = weft::detail::steady_ns();
  if (now < here_.quiet_until) return end();
  here_.quiet_until = now + std::chrono::nanoseconds{std::chrono::seconds{1}}.count();
  char from[net::address::text_max], text[160];
  const auto peer = remote_address();
  const std::string_view known = peer ? peer->write_to(from) : "an unknown address";
  const int size = std::snprintf(
      text, sizeof text, "http: a connection from %.*s is closed: it did not begin with a PROXY header",
      static_cast<int>(known.size()), known.data());
  report({text, static_cast<std::size_t>(size)});
  end();
}

// --- a request comes

void connection::wait_for_request() noexcept {
  give_exchange();
  head_until_ = {};
  if (must_leave() || stopping_ || successor_ >= 0) return end();
  limit(after(around_.times.idle));
  // Without the hint, a ring that has no buffer left would answer so, whatever has come.
  drained_ = true;
  submit(state::waiting, operation_code::recv_provided, nullptr, provided_buffers::buffer_bytes);
}

void connection::request_begins(int received) noexcept {
  auto* const bytes = static_cast<std::byte*>(address);
  const bool has_buffer = received > 0;
  const auto size = has_buffer ? static_cast<std::size_t>(received) : 0;
  here_.look_at_clock();
  if (has_buffer || received == -ENOBUFS) take_exchange();
  bool taken = false;
  if (has_buffer) {
    try {
      if (exchange_) {
        std::memcpy(exchange_->input_space().data(), bytes, size);
        exchange_->received(size);
        here_.counts.received_bytes += size;
        taken = true;
      }
    } catch (const std::bad_alloc&) {  // said below
    }
    worker::current()->io().buffers()->give(bytes);
    drained_ = size < provided_buffers::buffer_bytes;
    return taken ? go_on() : no_memory();
  }
  if (received == -ENOBUFS) return exchange_ ? read_on() : no_memory();
  const bool asked = late_ || stopping_ || successor_ >= 0;
  if (received == -ECANCELED && !asked && !must_leave()) return wait_for_request();
  end();
}

void connection::take_exchange() noexcept {
  exchange_ = here_.take_spare();
  if (!exchange_) [[unlikely]] {
    result<pooled<exchange>> made = around_.exchanges.acquire(around_.of, here_.date, here_.counts);
    if (!made) return;
    exchange_ = std::move(*made);
  }
  exchange_->begin(*this);
  exchange_->was_read(here_.now);
}

void connection::give_exchange() noexcept {
  if (!exchange_) return;
  exchange_->end();
  here_.keep(std::move(exchange_));
}

void connection::go_on() noexcept {
  if (stopping_) return end();
  exchange::next what{};
  try {
    what = exchange_->advance();
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  act(what);
}

void connection::act(exchange::next what) noexcept {
  switch (what) {
    case exchange::next::handle: return start_handler();
    case exchange::next::write: sent_ = 0; return send_on();
    case exchange::next::read: return exchange_->idle() ? wait_for_request() : read_on();
    case exchange::next::end: return exchange_->wants_linger() ? linger() : end();
  }
}

void connection::read_on(state s) noexcept {
  std::span<std::byte> space;
  try {
    space = exchange_->input_space();
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  if (head_until_.is_never()) head_until_ = after(around_.times.head);
  limit(head_until_);
  ++here_.counts.reading;
  submit(s, operation_code::recv, space.data(), space.size());
}

void connection::has_read(int received) noexcept {
  --here_.counts.reading;
  if (received < 0) {
    if (!late_ || stopping_ || !exchange_->head_begun()) return end();
    exchange_->give_up(status::request_timeout);
  } else if (received == 0) {
    exchange_->peer_ended();
  } else {
    has_received(received);
  }
  go_on();
}

void connection::has_received(int received) noexcept {
  here_.look_at_clock();
  exchange_->was_read(here_.now);
  drained_ = static_cast<std::uint32_t>(received) < length;
  here_.counts.received_bytes += static_cast<std::size_t>(received);
  exchange_->received(static_cast<std::size_t>(received));
}

// --- an answer goes

void connection::send_on() noexcept {
  head_until_ = {};
  const std::string_view rest = exchange_->output().substr(sent_);
  limit(after(around_.times.write));
  ++here_.counts.writing;
  submit(state::sending, operation_code::send, const_cast<char*>(rest.data()), rest.size());
}

void connection::has_sent(int sent) noexcept {
  --here_.counts.writing;
  if (sent < 0 || stopping_) return end();
  here_.look_at_clock();
  here_.counts.sent_bytes += static_cast<std::uint32_t>(sent);
  sent_ += static_cast<std::uint32_t>(sent);
  if (sent_ < exchange_->output().size()) return late_ ? end() : send_on();
  exchange_->sent();
  exchange_->count_answers(here_.now);
  go_on();
}

// --- a handler

void connection::start_handler() noexcept {
  state_ = state::handling;
  head_until_ = {};
  limit(after(around_.times.lasting));
  ++here_.counts.handling;
  const stack_class stack = exchange_->handler_stack();
  try {
    auto started = try_spawn([this, stack] { handle(stack); },
                             {.name = "request", .stack = stack, .worker = worker::current()->index()});
    if (started) return started->detach();
  } catch (const std::bad_alloc&) {  // as a limit that is reached
  }
  --here_.counts.handling;
  try {
    exchange_->decline(status::service_unavailable);
  } catch (const std::bad_alloc&) {
    return no_memory();
  }
  go_on();
}

// On a fiber with such a stack. Goes on with what needs a handler on one too; the rest is done as ever, and
// the fiber ends.
void connection::handle(stack_class stack) noexcept {
  handler_ = weft::detail::current_fiber();
  if (stopping_) weft::detail::request_stop(*handler_, stop_reason::parent);
  exchange::next what = exchange::next::handle;
  try {
    while (what == exchange::next::handle && exchange_->handler_stack() == stack) {
      // What has no deadline pays for none.
      const deadline until = exchange_->handler_until();
      if (until.is_never()) exchange_->run_handler();
      else with_deadline(until, [&] { exchange_->run_handler(); });
      if (in_flight_ || stopping_) break;
      what = exchange_->advance();
    }
  } catch (const std::bad_alloc&) {
    handler_ = nullptr;
    if (!in_flight_) {
      --here_.counts.handling;
      return no_memory();
    }
    report(no_memory_for_answers);
    stopping_ = true;
  }
  handler_ = nullptr;
  --here_.counts.handling;
  here_.look_at_clock();
  if (exchange_->output().empty()) exchange_->count_answers(here_.now);  // a stream has gone already
  if (in_flight_) {
    state_ = state::unwatched;
    return break_off();
  }
  if (stopping_) return end();
  act(what);
}

// It waits for something: for how long, nobody knows.
void connection::handler_lasts() noexcept {
  if (in_flight_ || fd < 0) return;
  if (!writing_ && !exchange_->output().empty()) {
    const std::string_view ready = exchange_->output();
    const ssize_t n = ::send(fd, ready.data(), ready.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      exchange_->sent(static_cast<std::size_t>(n));
      here_.counts.sent_bytes += static_cast<std::size_t>(n);
      here_.look_at_clock();
      if (exchange_->output().empty()) exchange_->count_answers(here_.now);
    }
  }
  until_ = deadline::never();
  submit(state::handling, operation_code::poll, nullptr, 0);
}

// What the watch has seen. io_uring's ends with the peer's FIN too, which is no reason to stop: that peer is
// watched no more, and a write will find out that it has gone.
void connection::peer_changed(int events) noexcept {
  if (events <= 0 || (events & (POLLHUP | POLLERR)) == 0 || handler_ == nullptr) return;
  weft::detail::request_stop(*handler_, stop_reason::parent);
}

// What the exchange has ready is being sent, so nobody else must.
struct connection::sending {
  explicit sending(connection& c) noexcept : by{c} { by.writing_ = true; }
  ~sending() { by.writing_ = false; }
  connection& by;
};

result<std::size_t> connection::read(std::span<std::byte> into, deadline until) {
  const auto got = stream_.read(into, until);
  here_.counts.received_bytes += got.value_or(0);
  return got;
}

// A client that takes something, however slowly, is waited for: here, and where a file is sent.
result<void> connection::write(byte_view bytes, deadline until) {
  const sending now{*this};
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const std::size_t sent =
        WEFT_TRY(stream_.write_some(left, std::min(until, deadline{around_.times.write})));
    here_.counts.sent_bytes += sent;
    left = left.subspan(sent);
  }
  return {};
}

result<void> connection::write_file(byte_view before, io::file& from, std::uint64_t position,
                                    std::uint64_t left, deadline until) {
  const sending now{*this};
  WEFT_TRY(stream_.write_all(before, std::min(until, deadline{around_.times.write})));
  here_.counts.sent_bytes += before.size();
  while (left != 0) {
    const io::transfer_result sent =
        io::sendfile({from, position}, stream_, left, std::min(until, deadline{around_.times.write}));
    const std::uint64_t bytes = sent ? sent->bytes : sent.error().moved.bytes;
    here_.counts.sent_bytes += bytes;
    position += bytes;
    left -= bytes;
    if (sent && left != 0) return std::unexpected(errc::end_of_stream);
    if (sent || (sent.error() == errc::deadline_exceeded && bytes != 0 && !until.expired())) continue;
    return std::unexpected(std::error_code{sent.error()});
  }
  return {};
}

std::optional<net::address> connection::remote_address() const noexcept {
  if (client_) return *client_;
  const auto peer = net::address::peer_of(fd);
  return peer ? std::optional{*peer} : std::nullopt;
}

// By its own end, which the kernel knows even if the peer is gone.
bool connection::on_unix_socket() const noexcept {
  const auto own = net::address::local_of(fd);
  return !own && own.error() == net::address_error::not_ip;
}

// Unwatched: who closes the descriptor must be the only one to use it. The watch ends in the poller's next
// turn.
void connection::hand_over(net::tcp_stream& to) noexcept {
  until_ = deadline::never();
  break_off();
  while (in_flight_) worker::current()->yield();
  fd = -1;
  here_.look_at_clock();
  exchange_->count_answers(here_.now);  // what follows is no response
  to = std::move(stream_);
}

// --- the end

// Says so, if the peer would not take it for the answer to something else.
void connection::no_memory() noexcept {
  if (exchange_ && !exchange_->can_be_refused()) {
    report(no_memory_for_answers);
    return end();
  }
  report("http: a connection is turned away: there is no memory for its request");
  std::array<char, plain_answer_max> room;
  const std::string_view answer = write_plain_answer(status::service_unavailable, here_.date.refresh(), room);
  here_.counts.responses.record(status::service_unavailable);
  const bool said = ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(answer.size());
  return said ? linger() : end();
}

// To close with input unread would reset the connection, and the peer might lose the answer that it has not
// read yet.
void connection::linger() noexcept {
  give_exchange();
  if (!stream_.shutdown_write()) return end();
  limit(deadline{around_.times.linger});
  drained_ = false;
  submit(state::lingering, operation_code::recv, here_.discarded, sizeof here_.discarded);
}

void connection::has_discarded(int received) noexcept {
  if (received <= 0 || late_ || stopping_) return end();
  submit(state::lingering, operation_code::recv, here_.discarded, sizeof here_.discarded);
}

}  // namespace weft::http::detail

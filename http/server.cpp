#include <weft/http/server.hpp>

#include <algorithm>
#include <utility>

#include <weft/http/connection.hpp>
#include <weft/http/server_memory.hpp>
#include <weft/http/service.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/object_pool.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/stop.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/thread_stack.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::http {

using weft::detail::worker;

namespace {

// For so many connections memory is kept when there are none: 200, and what the caches of some threads hold
// besides.
constexpr std::size_t connections_warm = 256;

}  // namespace

struct server::state {
  state(router routes, const server_options& o)
      : options{o},
        times{.idle = o.idle, .head = o.head, .write = o.write},
        service{std::move(routes), {.head = {}, .request = o.request}} {
    service.memory = &memory;
    service.report = [](void*, std::string_view text) {
      on_thread_stack([text] { worker::current()->owner().report(text); });
    };
  }

  void serve_connection(net::tcp_stream stream);
  void turn_away(net::tcp_stream& stream);
  void end_idle_connections();

  static pool_options pool_of(const server_options& o, std::string_view name) noexcept {
    return {
        .name = name, .floor = connections_warm, .limit = o.connections_max, .exhausted = exhaustion::refuse};
  }

  const server_options options;
  const detail::connection_times times;
  detail::server_memory memory{std::min(connections_warm, options.connections_max)};
  object_pool<detail::connection> records{pool_of(options, "http connections")};
  object_pool<detail::exchange> exchanges{pool_of(options, "http exchanges")};
  detail::service service;
  std::vector<net::tcp_listener> listeners;
  std::unique_ptr<detail::worker_part[]> parts;  // one per worker, while serve() runs
  std::size_t workers = 0;
  event stop;
};

server::server(router routes, server_options options)
    : state_{std::make_unique<state>(std::move(routes), options)} {}
server::~server() = default;

result<void> server::listen(std::string_view at, net::listen_options options) {
  WEFT_ASSERT(state_->parts == nullptr, "listen() while serve() runs");
  options.drain = state_->options.drain;
  state_->listeners.push_back(WEFT_TRY(net::tcp_listener::bind(at, options)));
  return {};
}

std::vector<std::string> server::addresses() const {
  std::vector<std::string> all;
  for (const net::tcp_listener& l : state_->listeners) all.push_back(l.local_address());
  return all;
}

void server::request_stop() noexcept {
  state_->service.draining.store(true, std::memory_order_relaxed);
  state_->stop.set();
}

// One connection, from its first byte to its last, on its fiber.
void server::state::serve_connection(net::tcp_stream stream) {
  detail::worker_part& here = parts[worker::current()->index()];
  const result<pooled<detail::connection>> record =
      records.acquire(service, times, exchanges, here, std::move(stream));
  if (!record) [[unlikely]]
    return turn_away(stream);  // which is moved from only if there is a record for it
  (*record)->run();
}

void server::state::turn_away(net::tcp_stream& stream) {
  detail::byte_buffer text{memory};
  const char* const date = parts[worker::current()->index()].date.refresh();
  detail::plain_answer(status::service_unavailable).append_to(text, detail::persistence::close, false, date);
  if (stream.write_all(text.text(), deadline{times.write})) stream.shutdown_write();
  // Unread, the request would reset the connection before the answer is read.
  text.clear();  // so that 4 KiB will do
  const std::span request{text.extend(detail::input_buffer::slack), detail::input_buffer::slack};
  static_cast<void>(stream.read(std::as_writable_bytes(request), deadline{times.linger}));
}

// A connection belongs to its worker, so each worker looks after its own.
void server::state::end_idle_connections() {
  std::vector<task<void>> all;
  all.reserve(workers);
  for (unsigned i = 0; i < workers; ++i)
    all.push_back(spawn(
        [this] {
          // First what has been received already reaches its connection, which then is no longer idle.
          this_fiber::sleep_for(std::chrono::milliseconds{1});
          for (detail::connection& c : parts[worker::current()->index()].connections) c.end_if_idle();
        },
        {.name = "http drain", .worker = i}));
  for (auto& t : all) t.join();
}

result<void> server::serve() {
  state& s = *state_;
  WEFT_ASSERT(s.parts == nullptr, "serve() is for once");
  s.workers = worker::current()->owner().workers().size();
  s.parts = std::make_unique<detail::worker_part[]>(s.workers);
  std::vector<task<result<void>>> serving;
  serving.reserve(s.listeners.size());
  for (net::tcp_listener& l : s.listeners)
    serving.push_back(spawn(
        [&s, &l] { return l.serve([&s](net::tcp_stream stream) { s.serve_connection(std::move(stream)); }); },
        {.name = "http listener"}));
  const result<void> stopped = s.stop.wait();
  request_stop();
  for (net::tcp_listener& l : s.listeners) l.close();
  s.end_idle_connections();
  result<void> outcome = stopped;
  for (auto& t : serving) {
    const result<void> served = t.join();
    if (!served && outcome) outcome = served;
  }
  return outcome;
}

}  // namespace weft::http

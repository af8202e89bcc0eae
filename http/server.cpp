#include <weft/http/server.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <weft/http/connection.hpp>
#include <weft/http/reception.hpp>
#include <weft/http/server_memory.hpp>
#include <weft/http/service.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/event.hpp>
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
    service.proxied = o.proxy_protocol == proxy_protocol_mode::required;
    service.report = [](void*, std::string_view text) {
      worker& here = *worker::current();
      // A connection that no fiber works for is on that stack already.
      if (here.running() == nullptr) here.owner().report(text);
      else on_thread_stack([&] { here.owner().report(text); });
    };
  }

  using connections = weft::detail::intrusive_list<detail::connection>;

  template <class F>
  void on_each_worker(F f);
  void end_idle_connections();
  void end_connections(deadline until);

  const server_options options;
  const detail::connection_times times;
  detail::server_memory memory{std::min(connections_warm, options.connections_max)};
  detail::service service;
  std::vector<net::tcp_listener> listeners;
  std::optional<detail::reception> reception;  // once serve() runs
  event stop;
};

server::server(router routes, server_options options)
    : state_{std::make_unique<state>(std::move(routes), options)} {}
server::~server() = default;

result<void> server::listen(std::string_view at, net::listen_options options) {
  WEFT_ASSERT(!state_->reception, "listen() while serve() runs");
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

// A connection belongs to its worker, so each worker looks after its own.
template <class F>
void server::state::on_each_worker(F f) {
  std::vector<task<void>> all;
  all.reserve(reception->workers());
  for (unsigned i = 0; i < reception->workers(); ++i)
    all.push_back(
        spawn([this, f] { f(reception->here().connections); }, {.name = "http drain", .worker = i}));
  for (auto& t : all) t.join();
}

void server::state::end_idle_connections() {
  on_each_worker([](connections& all) {
    // First what has been received already reaches its connection, which then is no longer idle.
    this_fiber::sleep_for(std::chrono::milliseconds{1});
    for (detail::connection& c : all) c.end_if_idle();
  });
}

// Lets them end by themselves until then.
void server::state::end_connections(deadline until) {
  if (reception->wait(until)) return;
  on_each_worker([](connections& all) {
    for (detail::connection& c : all) c.stop();
  });
  reception->wait(deadline::never());
}

result<void> server::serve() {
  state& s = *state_;
  WEFT_ASSERT(!s.reception, "serve() is for once");
  const auto workers = static_cast<unsigned>(worker::current()->owner().workers().size());
  s.reception.emplace(s.service, s.times, workers, s.options.connections_max, connections_warm);
  std::vector<task<result<void>>> serving;
  serving.reserve(s.listeners.size());
  for (net::tcp_listener& l : s.listeners)
    serving.push_back(spawn(
        [&s, &l] {
          return l.serve([&s](net::tcp_stream stream) { s.reception->take_in(std::move(stream)); });
        },
        {.name = "http listener"}));
  const result<void> stopped = s.stop.wait();
  request_stop();
  const deadline until{s.options.drain};
  for (net::tcp_listener& l : s.listeners) l.close();
  s.end_idle_connections();
  result<void> outcome = stopped;
  for (auto& t : serving) {
    const result<void> served = t.join();
    if (!served && outcome) outcome = served;
  }
  s.end_connections(until);
  return outcome;
}

}  // namespace weft::http

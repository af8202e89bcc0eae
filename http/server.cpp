#include <weft/http/server.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include <weft/http/connection.hpp>
#include <weft/http/reception.hpp>
#include <weft/http/server_memory.hpp>
#include <weft/http/service.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/net/unix_listener.hpp>
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

using listener = std::variant<net::tcp_listener, net::unix_listener>;

using weft::detail::unix_prefix;

result<listener> open_listener(std::string_view at, const net::listen_options& options) {
  if (at.starts_with(unix_prefix))
    return listener{WEFT_TRY(net::unix_listener::bind(at.substr(unix_prefix.size()), options))};
  auto tcp = net::tcp_listener::bind(at, options);
  if (tcp) return listener{std::move(*tcp)};
  const bool other_family = at.starts_with("fd:") && tcp.error() == std::errc::address_family_not_supported;
  if (!other_family) return std::unexpected(tcp.error());
  return listener{WEFT_TRY(net::unix_listener::bind(at, options))};
}

struct address_of {
  std::string operator()(const net::tcp_listener& l) const { return l.local_address(); }
  std::string operator()(const net::unix_listener& l) const {
    return std::string{unix_prefix}.append(l.local_address());
  }
};

// Until closed. A connection is served by its descriptor, whatever its family.
result<void> accept_at(listener& l, detail::reception& into) {
  if (auto* const tcp = std::get_if<net::tcp_listener>(&l))
    return tcp->serve([&into](net::tcp_stream s) { into.take_in(std::move(s)); });
  return std::get<net::unix_listener>(l).serve(
      [&into](net::unix_stream s) { into.take_in(net::tcp_stream{s.release()}); });
}

void close(listener& l, bool keep_path) {
  if (auto* const at_path = std::get_if<net::unix_listener>(&l); at_path != nullptr && keep_path)
    at_path->keep_path();
  std::visit([](auto& one) { one.close(); }, l);
}

}  // namespace

struct server::state {
  state(router routes, const server_options& o)
      : options{o},
        times{.idle = o.idle, .head = o.head, .write = o.write},
        service{std::move(routes), {.head = {}, .request = o.request, .body = {o.body_rate, o.body_grace}}} {
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
  std::size_t connections_max() const noexcept;

  const server_options options;
  const detail::connection_times times;
  detail::server_memory memory{std::min(connections_warm, options.connections_max)};
  detail::service service;
  std::vector<listener> listeners;
  std::optional<detail::reception> reception;  // once serve() runs
  weft::detail::atomic<bool> receives{false};  // there is one, for other threads
  weft::detail::atomic<bool> handed_over{false};
  event stop;
  event farewell_ends;
};

server::server(router routes, server_options options)
    : state_{std::make_unique<state>(std::move(routes), options)} {}
server::~server() = default;

result<void> server::listen(std::string_view at, net::listen_options options) {
  WEFT_ASSERT(!state_->reception, "listen() while serve() runs");
  options.drain = state_->options.drain;
  state_->listeners.push_back(WEFT_TRY(open_listener(at, options)));
  return {};
}

std::vector<std::string> server::addresses() const {
  std::vector<std::string> all;
  all.reserve(state_->listeners.size());
  for (const listener& l : state_->listeners) {
    std::string at = std::visit(address_of{}, l);
    if (std::ranges::find(all, at) == all.end()) all.push_back(std::move(at));
  }
  return all;
}

result<std::vector<io::owned_descriptor>> server::sockets() const {
  std::vector<io::owned_descriptor> all;
  for (const listener& l : state_->listeners) {
    auto some = WEFT_TRY(std::visit([](const auto& one) { return one.sockets(); }, l));
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

void server::request_stop() noexcept {
  state_->service.closing_idle.store(true, std::memory_order_relaxed);
  state_->service.draining.store(true, std::memory_order_relaxed);
  state_->farewell_ends.set();
  state_->stop.set();
}

void server::hand_over() noexcept {
  state_->handed_over.store(true, std::memory_order_relaxed);
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

// Beyond that, an idle one makes room, before accepting fails for want of descriptors.
std::size_t server::state::connections_max() const noexcept {
  constexpr rlim_t others = 64;  // descriptors: of files, listeners, the ring
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0 || most.rlim_cur <= 2 * others) return options.connections_max;
  return static_cast<std::size_t>(std::min<rlim_t>(options.connections_max, most.rlim_cur - others));
}

server_metrics server::metrics() const {
  return on_thread_stack([this] {
    server_metrics m;
    if (state_->receives.load(std::memory_order_acquire)) state_->reception->read(m);
    return m;
  });
}

result<void> server::serve() {
  state& s = *state_;
  WEFT_ASSERT(!s.reception, "serve() is for once");
  const auto workers = static_cast<unsigned>(worker::current()->owner().workers().size());
  s.reception.emplace(s.service, s.times, workers, s.connections_max(), connections_warm);
  s.receives.store(true, std::memory_order_release);
  std::vector<task<result<void>>> serving;
  serving.reserve(s.listeners.size());
  // A listener accepts on its fiber's worker, and if it can on the others too; many of one socket each, as
  // another process leaves them, are spread.
  for (std::size_t i = 0; i < s.listeners.size(); ++i)
    serving.push_back(spawn([&s, &l = s.listeners[i]] { return accept_at(l, *s.reception); },
                            {.name = "http listener", .worker = static_cast<unsigned>(i % workers)}));
  const result<void> stopped = s.stop.wait();
  const bool handed_over = s.handed_over.load(std::memory_order_relaxed);
  if (!handed_over) request_stop();
  const deadline until{s.options.drain};
  for (listener& l : s.listeners) close(l, handed_over);
  if (handed_over) {
    (void)s.farewell_ends.wait(std::min(s.options.farewell, s.options.drain));
    request_stop();
  }
  s.end_idle_connections();
  result<void> outcome = stopped;
  for (auto& t : serving) {
    const result<void> served = t.join();
    // Closed: the stop came before its first turn.
    if (!served && served.error() != errc::closed && outcome) outcome = served;
  }
  s.end_connections(until);
  return outcome;
}

}  // namespace weft::http

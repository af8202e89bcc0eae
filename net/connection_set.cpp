#include <weft/net/connection_set.hpp>

#include <unistd.h>

#include <new>
#include <utility>
#include <vector>

#include <weft/net/connection_balance.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/spawn.hpp>

namespace weft::detail {
namespace {

// What peers and deadlines do to a connection every day is no news; the rest goes to the error sink.
bool is_news(const std::error_code& error) noexcept {
  constexpr std::errc everyday[] = {std::errc::connection_reset,    std::errc::connection_aborted,
                                    std::errc::broken_pipe,         std::errc::not_connected,
                                    std::errc::timed_out,           std::errc::host_unreachable,
                                    std::errc::network_unreachable, std::errc::operation_canceled};
  if (error == errc::closed || error == errc::canceled || error == errc::deadline_exceeded ||
      error == errc::end_of_stream)
    return false;
  for (const std::errc one : everyday)
    if (error == one) return false;
  return true;
}

}  // namespace

connection_set::connection_set(scheduler& owner, connection_handler handler, unsigned slack)
    : owner_{owner},
      handler_{handler},
      slack_{slack},
      workers_{std::make_unique<per_worker[]>(owner.workers().size())} {}

connection_set::member::member(connection_set& set, unsigned counted_at) noexcept
    : of{set}, self{current_fiber()} {
  worker& here = *worker::current();
  per_worker& slot = of.workers_[here.index()];
  slot.members.push_back(*this);
  if (slot.stopping) detail::request_stop(*self, stop_reason::parent);
  if (here.index() != counted_at) {  // stolen before it began
    here.connections.fetch_add(1, std::memory_order_relaxed);
    of.owner_.workers()[counted_at]->connections.fetch_sub(1, std::memory_order_relaxed);
  }
}

connection_set::member::~member() {
  unlink();
  worker::current()->connections.fetch_sub(1, std::memory_order_relaxed);
  of.live_.leave();  // the last touch
}

void connection_set::start(int connection) {
  const auto& workers = owner_.workers();
  const unsigned self = worker::current()->index();
  const auto count_of = [&](unsigned w) { return workers[w]->connections.load(std::memory_order_relaxed); };
  const unsigned chosen = choose_worker(self, static_cast<unsigned>(workers.size()), count_of, slack_);
  workers[chosen]->connections.fetch_add(1, std::memory_order_relaxed);
  live_.enter();
  // Pinned if passed on; else an idle worker may steal it while it has not begun.
  spawn_options options{.name = "connection"};
  if (chosen != self) options.worker = chosen;
  try {
    go([this, connection, chosen] { return run(connection, chosen); }, options, handler_.site);
  } catch (const std::bad_alloc&) {  // the client hears of it
    ::close(connection);
    workers[chosen]->connections.fetch_sub(1, std::memory_order_relaxed);
    live_.leave();
  }
}

result<void> connection_set::run(int connection, unsigned counted_at) {
  const member here{*this, counted_at};
  const result<void> served = handler_.call(handler_.f, connection);
  if (!served && is_news(served.error())) return served;
  return {};
}

void connection_set::request_stop() {
  std::vector<task<void>> stoppers;
  for (const auto& w : owner_.workers())
    stoppers.push_back(spawn(
        [this] {
          per_worker& slot = workers_[worker::current()->index()];
          slot.stopping = true;
          for (member& m : slot.members) detail::request_stop(*m.self, stop_reason::parent);
        },
        {.name = "connection stopper", .worker = w->index()}));
  for (auto& t : stoppers) t.join();
}

}  // namespace weft::detail

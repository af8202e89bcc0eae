#include <weft/http/reception.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include <weft/http/message/status.hpp>
#include <weft/http/response_block.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/spawn.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::http::detail {
namespace {

pool_options pool_of(std::string_view name, std::size_t limit, std::size_t warm) noexcept {
  return {.name = name, .floor = warm, .limit = limit, .exhausted = exhaustion::refuse};
}

}  // namespace

reception::reception(const service& of, const connection_times& times, unsigned workers,
                     std::size_t connections_max, std::size_t connections_warm)
    : service_{of},
      times_{times},
      records_{pool_of("http connections", connections_max, connections_warm)},
      exchanges_{pool_of("http exchanges", connections_max, connections_warm)},
      workers_{workers},
      parts_{std::make_unique<worker_part[]>(workers)} {}

worker_part& reception::here() noexcept { return parts_[weft::detail::worker::current()->index()]; }

void reception::take_in(net::tcp_stream stream) {
  worker_part& part = here();
  result<pooled<connection>> record = records_.acquire(around_, part, std::move(stream));
  if (record) [[likely]]
    return connection::begin(std::move(*record));
  // It is moved from only if there is a record for it, or room has been made.
  if (make_room(stream, part)) return;
  if (part.refusals < refusals_max && make_room_elsewhere(stream)) return;
  if (record.error() != errc::limit)
    service_.report(service_.report_context, "http: a connection is turned away: there is no memory for it");
  ++part.counts.refused;
  turn_away(stream, part);
}

// Under a flood each newcomer costs the same, however many connections there are.
void reception::read(server_metrics& m) {
  std::map<status, std::uint64_t> responses, rejected;
  std::uint64_t opened = 0, closed = 0;
  for (unsigned i = 0; i < workers_; ++i) {
    const server_counters& c = parts_[i].counts;
    closed += c.closed;  // first: it never exceeds the other
    opened += c.opened;
    m.requests += c.requests;
    c.responses.for_each([&](status s, std::uint64_t count) { responses[s] += count; });
    c.rejected.for_each([&](status s, std::uint64_t count) { rejected[s] += count; });
    c.latency.add_to(m.latency);
    m.received_bytes += c.received_bytes;
    m.sent_bytes += c.sent_bytes;
    m.cache_hits += c.cache_hits;
    m.cache_misses += c.cache_misses;
    m.refused += c.refused;
    m.evicted += c.evicted;
    m.reading += c.reading;
    m.handling += c.handling;
    m.writing += c.writing;
  }
  m.responses.reserve(responses.size());
  m.rejected.reserve(rejected.size());
  for (const auto& [s, count] : responses) m.responses.push_back({s, count});
  for (const auto& [s, count] : rejected) m.rejected.push_back({s, count});
  m.accepted = opened;
  m.connections = opened - std::min(opened, closed);
  m.idle = m.connections - std::min(m.connections, m.reading + m.handling + m.writing);
}

bool reception::make_room(net::tcp_stream& stream, worker_part& here) {
  connection* idlest = nullptr;
  std::int64_t since = weft::detail::steady_ns() - idle_min.count();
  for (int i = 0; i < candidates && !here.connections.empty(); ++i) {
    connection& c = *here.connections.pop_front();
    here.connections.push_back(c);
    if (c.idle_since() > since) continue;
    since = c.idle_since();
    idlest = &c;
  }
  if (idlest == nullptr) return false;
  idlest->give_way(std::move(stream));
  return true;
}

bool reception::make_room_elsewhere(net::tcp_stream& stream) {
  for (unsigned i = 0; i < workers_; ++i) {
    if (&parts_[i] == &here()) continue;
    bool made = false;
    spawn([&] { made = make_room(stream, parts_[i]); }, {.name = "http room", .worker = i}).join();
    if (made) return true;
  }
  return false;
}

// Or leaves it to be closed.
void reception::turn_away(net::tcp_stream& stream, worker_part& here) const {
  if (here.refusals >= refusals_max) return;
  ++here.refusals;
  refuse(stream, here);
  --here.refusals;
}

void reception::refuse(net::tcp_stream& stream, worker_part& here) const {
  std::array<char, plain_answer_max> room;
  const std::string_view answer = write_plain_answer(status::service_unavailable, here.date.refresh(), room);
  here.counts.responses.record(status::service_unavailable);
  if (!stream.write_all(answer, deadline{times_.write}) || !stream.shutdown_write()) return;
  // Unread, the request would reset the connection before the answer is read.
  const deadline until{times_.linger};
  while (stream.read(std::as_writable_bytes(std::span{room}), until).value_or(0) == room.size()) {}
}

}  // namespace weft::http::detail

#include <weft/http/reception.hpp>

#include <array>
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
  turn_away(stream, part);
}

// Under a flood each newcomer costs the same, however many connections there are.
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
  if (!stream.write_all(answer, deadline{times_.write}) || !stream.shutdown_write()) return;
  // Unread, the request would reset the connection before the answer is read.
  const deadline until{times_.linger};
  while (stream.read(std::as_writable_bytes(std::span{room}), until).value_or(0) == room.size()) {}
}

}  // namespace weft::http::detail

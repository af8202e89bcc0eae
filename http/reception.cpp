#include <weft/http/reception.hpp>

#include <array>
#include <span>
#include <utility>

#include <weft/http/response_block.hpp>
#include <weft/http/status.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/errc.hpp>

namespace weft::http::detail {
namespace {

pool_options pool_of(std::string_view name, std::size_t limit, std::size_t warm) noexcept {
  return {.name = name, .floor = warm, .limit = limit, .exhausted = exhaustion::refuse};
}

}  // namespace

reception::reception(const service& of, const connection_times& times, std::size_t connections_max,
                     std::size_t connections_warm) noexcept
    : service_{of},
      times_{times},
      records_{pool_of("http connections", connections_max, connections_warm)},
      exchanges_{pool_of("http exchanges", connections_max, connections_warm)} {}

void reception::serve(net::tcp_stream stream, worker_part& here) {
  result<pooled<connection>> record = records_.acquire(service_, times_, exchanges_, here, std::move(stream));
  if (!record) [[unlikely]] {
    if (record.error() != errc::limit) report("http: a connection is turned away: there is no memory for it");
    return turn_away(stream, here);  // which is moved from only if there is a record for it
  }
  if ((*record)->run()) [[likely]]
    return;
  const bool can_be_refused = (*record)->can_be_refused();
  stream = (*record)->take_stream();
  record->reset();  // others may have its place meanwhile
  if (!can_be_refused) return report("http: a connection is closed: there is no memory for its answers");
  report("http: a connection is turned away: there is no memory for its request");
  turn_away(stream, here);
}

// Or leaves it to be closed.
void reception::turn_away(net::tcp_stream& stream, worker_part& here) const {
  if (here.refusals >= refusals_max) return;
  ++here.refusals;
  refuse(stream, here);
  --here.refusals;
}

void reception::refuse(net::tcp_stream& stream, worker_part& here) const {
  std::array<char, 512> room;
  const response_block& answer = plain_answer(status::service_unavailable);
  const std::size_t length = answer.length_of(persistence::close, false);
  WEFT_ASSERT(length <= room.size(), "the plain answers are short");
  answer.write_to(room.data(), length, persistence::close, here.date.refresh());
  if (!stream.write_all(std::string_view{room.data(), length}, deadline{times_.write}) ||
      !stream.shutdown_write())
    return;
  // Unread, the request would reset the connection before the answer is read.
  const deadline until{times_.linger};
  while (stream.read(std::as_writable_bytes(std::span{room}), until).value_or(0) == room.size()) {}
}

}  // namespace weft::http::detail

// Takes connections in: as many as there is room for. Beyond, one that has been idle for a while makes room;
// if there is none, the others are told so: 503.
//
// To turn a connection away takes time, for the peer must read the answer before it is closed, and a fiber
// and a descriptor for so long; but no memory, which may be what there is none of: the answer is made on the
// fiber's stack. Only so many are told at once, though, and beyond that connections are closed at once: who
// is flooded cannot be polite to all.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include <weft/http/connection.hpp>
#include <weft/http/exchange.hpp>
#include <weft/http/metrics/server_metrics.hpp>
#include <weft/http/service.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/object_pool.hpp>

namespace weft::http::detail {

class reception {
 public:
  /// Connections that one worker turns away at once. Each lasts at most as long as a write and the linger
  /// may, 32 s unless the options say otherwise, and in general a round trip: so a worker tells thousands per
  /// second of peers that listen, and those that do not listen hold half a megabyte and 64 descriptors. A
  /// guess between the two.
  static constexpr unsigned refusals_max = 64;

  /// How long who makes room has been idle. A guess: longer than a client that has just come needs to ask,
  /// or a flood of connections would push each other out.
  static constexpr std::chrono::nanoseconds idle_min = std::chrono::seconds{1};
  /// Of so many connections of a worker, looked at in turn, the one that is idle longest makes room.
  static constexpr int candidates = 64;

  /// `of` and `times` outlive it. Keeps memory for `connections_warm` of them, though there be none.
  reception(const service& of, const connection_times& times, unsigned workers, std::size_t connections_max,
            std::size_t connections_warm);

  /// Lets one connection begin, on the worker of the calling fiber.
  ///
  /// Blocks     the calling fiber, while it looks for room on other workers, or turns the connection away.
  void take_in(net::tcp_stream stream);

  /// What belongs to the worker of the calling fiber.
  worker_part& here() noexcept;

  unsigned workers() const noexcept { return workers_; }

  /// Adds up what all workers have counted. Safe from any thread.
  void read(server_metrics& m);

  /// Waits until all have ended; no more may begin. False: some have not by `until`.
  bool wait(deadline until) noexcept { return live_.wait(until); }

 private:
  static bool make_room(net::tcp_stream& stream, worker_part& here);
  bool make_room_elsewhere(net::tcp_stream& stream);
  void turn_away(net::tcp_stream& stream, worker_part& here) const;
  void refuse(net::tcp_stream& stream, worker_part& here) const;

  const service& service_;
  const connection_times& times_;
  object_pool<connection> records_;
  object_pool<exchange> exchanges_;
  weft::detail::live_count live_;
  const unsigned workers_;
  const std::unique_ptr<worker_part[]> parts_;
  const connection_surroundings around_{service_, times_, exchanges_, live_};
};

}  // namespace weft::http::detail

// Takes connections in: as many as there is room for. The others are told that there is none: 503.
//
// To turn a connection away takes time, for the peer must read the answer before it is closed, and a fiber
// and a descriptor for so long; but no memory, which may be what there is none of: the answer is made on the
// fiber's stack. Only so many are told at once, though, and beyond that connections are closed at once: who
// is flooded cannot be polite to all.
#pragma once

#include <cstddef>
#include <string_view>

#include <weft/http/connection.hpp>
#include <weft/http/exchange.hpp>
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

  /// `of` and `times` outlive it. Keeps memory for `connections_warm` of them, though there be none.
  reception(const service& of, const connection_times& times, std::size_t connections_max,
            std::size_t connections_warm) noexcept;

  /// One connection, from its first byte to its last. `here`: of the worker that the calling fiber runs on.
  ///
  /// Blocks     the calling fiber, until the connection has ended.
  void serve(net::tcp_stream stream, worker_part& here);

 private:
  void turn_away(net::tcp_stream& stream, worker_part& here) const;
  void refuse(net::tcp_stream& stream, worker_part& here) const;
  void report(std::string_view text) const { service_.report(service_.report_context, text); }

  const service& service_;
  const connection_times& times_;
  object_pool<connection> records_;
  object_pool<exchange> exchanges_;
};

}  // namespace weft::http::detail

// Connections that are used again: who asks the same server twice does not connect twice.
//
//     net::connection_pool pool;
//     auto s = WEFT_TRY(pool.acquire("db.example.com:5432", 2s));
//     WEFT_TRY(s->write_all(question));
//     WEFT_TRY(s->read_exactly(answer));
//     s.give_back();                     // only now: what was left in the middle of a talk is closed instead
//
// There is a limit for all endpoints together and one for each; an idle connection to one gives way to a new
// one to another (connection_ledger.hpp says who gets what). The connection that came back last is used
// first. Before it is, a look at its socket shows whether the peer has closed it, or has said something that
// nobody asked for: then it is closed, and the next is taken. The peer may still close it in the moment
// after: reused() tells that a failure may be worth another try.
//
// Connections that have been idle or have stood for too long are closed by the next acquire(), by a worker
// that becomes idle, and by trim(); nothing runs for this alone.
#pragma once

#include <string_view>
#include <utility>

#include <weft/net/connection_ledger.hpp>
#include <weft/net/connection_pool_options.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/pools/pool_registry.hpp>
#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

class connection_pool;

/// A connection of a pool. Closes it when it goes, unless give_back() has been called. Moves only.
class pooled_stream {
 public:
  /// None.
  pooled_stream() noexcept = default;
  pooled_stream(pooled_stream&& other) noexcept : connection_{std::exchange(other.connection_, nullptr)} {}
  pooled_stream& operator=(pooled_stream&& other) noexcept {
    pooled_stream old{std::move(*this)};
    connection_ = std::exchange(other.connection_, nullptr);
    return *this;
  }
  ~pooled_stream() { discard(); }

  explicit operator bool() const noexcept { return connection_ != nullptr; }
  tcp_stream& operator*() const noexcept;
  tcp_stream* operator->() const noexcept { return &**this; }

  /// Whether somebody has used it before.
  bool reused() const noexcept;

  /// Lets the next one have it. Say so when the talk is over: nothing is to be read any more, and all has
  /// been written. A stream that was closed or moved from is not kept, nor one of which a side has ended its
  /// half, as shutdown_write() does.
  ///
  /// Cost       a lock and a system call.
  void give_back() noexcept;

  /// Closes it.
  void discard() noexcept;

 private:
  friend class connection_pool;
  struct connection;
  explicit pooled_stream(connection& c) noexcept : connection_{&c} {}

  connection* connection_ = nullptr;
};

/// All its streams must be back, and nobody may wait for one, before it goes; else it is an assertion.
class connection_pool final : detail::listed_pool {
 public:
  explicit connection_pool(const connection_pool_options& options = {}) noexcept;
  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;
  ~connection_pool();

  /// A connection to "127.0.0.1:80", "example.com:80", or to a unix socket as "unix:/run/weft.sock" or
  /// "unix:@abstract" (of which what concerns TCP says that it is no such): one that is idle and sound, or a
  /// new one. What is written differently is another endpoint.
  ///
  /// Blocks     the calling fiber or thread, at a limit, until a connection comes back; unless
  ///            exhaustion::refuse was chosen; and while it connects. `until` is for both together.
  /// Errors     limit (refused), closed (the pool), canceled, deadline_exceeded (also after
  ///            options.connect_max); what tcp_stream::connect() or unix_stream::connect() says.
  /// Cancelled  nothing has been taken; the next who waits has the place.
  /// Safe from  any fiber or thread.
  /// Cost       a lock and a system call (the look), if there is an idle one.
  [[nodiscard]] result<pooled_stream> acquire(std::string_view endpoint, deadline until = {});

  /// Ends who waits with errc::closed, and whoever comes from now on, and closes what is idle; what is in use
  /// is closed when it comes back. Safe from any fiber or thread.
  void close() noexcept;

  /// Closes what has expired. False. Safe from any fiber or thread.
  bool trim(deadline until = {}) noexcept override;

  /// `in_use` counts those too that are being made, `idle` and `capacity` are connections that stand, `hits`
  /// were answered by one of them, `misses` needed a new one. Safe from any fiber or thread.
  pool_stats stats() noexcept override { return ledger_.stats(); }

 private:
  friend class pooled_stream;

  result<tcp_stream> connect(std::string_view endpoint, deadline until);

  const std::chrono::nanoseconds connect_max_;
  resolver* const names_;
  detail::connection_ledger ledger_;
};

}  // namespace weft::net

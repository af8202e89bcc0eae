// What listeners of TCP and of unix sockets have in common: accepting one by one, or serving all on all
// workers, and an end that neither loses a connection nor hangs.
//
// While serve() runs, each worker accepts at a socket of its own where sockets can share an address
// (`joinable`); otherwise one worker accepts for all. Each connection runs in a fiber of its own on the
// worker that accepted it, unless that has more than its share.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <source_location>
#include <utility>
#include <vector>

#include <weft/io/descriptor.hpp>
#include <weft/io/owned_descriptor.hpp>
#include <weft/net/accept_recovery.hpp>
#include <weft/net/address.hpp>
#include <weft/net/connection_set.hpp>
#include <weft/net/gate.hpp>
#include <weft/net/listen_options.hpp>
#include <weft/net/listening_socket.hpp>
#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

class stream_listener {
 public:
  /// Owns `from`. `at`: where others can join it, if they can.
  stream_listener(listening_socket from, const net::address& at, const net::listen_options& with) noexcept
      : socket_{from.fd}, joinable_{from.joinable}, shares_{from.shares}, local_{at}, options_{with} {}

  /// The next connection's descriptor, non-blocking, which is the caller's. Errors: closed, canceled,
  /// deadline_exceeded; all else is waited out as accept_recovery says.
  [[nodiscard]] result<int> accept(deadline until);

  /// Gives each connection to `handler` until close(), or until the calling fiber is asked to stop; then
  /// drains.
  [[nodiscard]] result<void> serve(const connection_handler& handler);

  /// Once serve() has let go of it, if one runs. True: this was the first call.
  bool close() noexcept;

  /// Copies of all its listening sockets, for another process, that of each worker included. From now on no
  /// more of them are made: what waits in one that the other process has not got would be lost.
  ///
  /// Errors  closed, EMFILE.
  [[nodiscard]] result<std::vector<io::owned_descriptor>> sockets();

  /// Where it listens; nothing once closed.
  const net::address* local() const noexcept;

  int native_handle() const noexcept { return socket_.native_handle(); }

 private:
  bool begin_serving() noexcept;
  void end_serving() noexcept;
  void join_for(std::size_t workers);
  bool is_alone() const noexcept { return joined_.empty() && !shares_; }
  void run_acceptor(int listener, connection_set& connections);

  descriptor socket_;
  const bool joinable_;
  const bool shares_;
  const net::address local_;
  const net::listen_options options_;
  accept_recovery recovery_;
  gate closing_;               // opens with close()
  mutable thread_mutex lock_;  // guards the rest
  bool closed_ = false;
  bool serving_ = false;
  bool complete_ = false;           // no more sockets are made
  std::vector<descriptor> joined_;  // while serve() runs, which alone changes it
};

/// F as a connection_handler calls it, with a Stream made of the connection.
template <class Stream, class F>
result<void> serve_connection(void* f, int connection) {
  using R = std::invoke_result_t<F&, Stream>;
  if constexpr (is_result<R>) {
    if (const auto r = std::invoke(*static_cast<F*>(f), Stream{connection}); !r)
      return std::unexpected(r.error());
  } else {
    static_assert(!bare_error<R>, "say `-> weft::result<void>`");
    static_cast<void>(std::invoke(*static_cast<F*>(f), Stream{connection}));
  }
  return {};
}

}  // namespace weft::detail

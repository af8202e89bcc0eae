// An HTTP/1.1 server: routes, and the addresses that it answers at.
//
// Safe as it stands: every wait has a deadline and every size a limit. It runs on the workers of the runtime
// that serve() is called on, each accepting at a socket of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/http/request.hpp>
#include <weft/http/response.hpp>
#include <weft/http/router.hpp>
#include <weft/io/owned_descriptor.hpp>
#include <weft/net/listen_options.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::http {

struct server_metrics;

/// Whether connections begin with a header of the PROXY protocol, which says whose they are.
enum class proxy_protocol_mode : unsigned char {
  off,
  required,  ///< version 1 or 2; what begins otherwise is closed without an answer
};

struct server_options {
  /// Connections beyond this take the place of one that has been idle for a second or more. If there is none,
  /// they are answered 503 and closed; only closed if many are being answered so already. At most 64 less
  /// than the limit of descriptors (RLIMIT_NOFILE, soft) when serve() begins, unless that is 128 or less.
  /// At least 1.
  std::size_t connections_max = 10'000;
  /// How long a request's body may take to come, from the end of its head: 408 beyond. A handler may go on
  /// after that, for a stream has no end; a route with a deadline has that one instead, for all of a request.
  /// 0: as long as it keeps up the rate.
  std::chrono::nanoseconds request = std::chrono::seconds{30};
  /// Bytes per second that a request's body must come with at least, while the server waits for it: 408
  /// beyond, or the end of the connection if the response has begun. 0: however slowly.
  std::size_t body_rate = 16 << 10;
  /// For how long it may fall behind that, or pause.
  std::chrono::nanoseconds body_grace = std::chrono::seconds{10};
  /// How long a request's head may take to come, from its first byte: 408 beyond.
  std::chrono::nanoseconds head = std::chrono::seconds{10};
  /// How long a connection may wait between requests.
  std::chrono::nanoseconds idle = std::chrono::seconds{75};
  /// How long the peer may take to receive what is sent at once.
  std::chrono::nanoseconds write = std::chrono::seconds{30};
  /// How long requests at hand may go on after a stop, before their fibers are asked to stop.
  std::chrono::nanoseconds drain = std::chrono::seconds{10};
  /// For a server that only proxies reach (HAProxy's `send-proxy`, nginx's `proxy_protocol on`): whoever else
  /// reaches it could claim any address. The header must come as a request's head must, within `head`. Then
  /// request::remote_address() is what it says; with LOCAL and UNKNOWN, the proxy's own address.
  ///
  /// Source     proxy-protocol.txt of HAProxy.
  proxy_protocol_mode proxy_protocol = proxy_protocol_mode::off;
  /// How long idle connections may still bring a request after a hand_over(). A guess: longer than one that
  /// has just been made needs for its first.
  std::chrono::nanoseconds farewell = std::chrono::seconds{1};
};

class server {
 public:
  explicit server(router routes, server_options options = {});
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  /// Binds an address, in the form of tcp_listener::bind(), or "unix:/run/weft.sock" and "unix:@abstract" as
  /// unix_listener::bind(); "fd:3" takes sockets of both kinds. May be called again for more. Not while
  /// serve() runs. Of `options`, the drain is the server's. The peer of a unix socket has no
  /// remote_address().
  ///
  /// Errors     as those functions.
  [[nodiscard]] result<void> listen(std::string_view at, net::listen_options options = {});

  /// Serves until request_stop(), or until the calling fiber is asked to stop; then drains: idle connections
  /// are closed at once, requests at hand are answered with Connection: close, and what lasts longer than
  /// options.drain is cancelled. No handler runs after it has returned.
  ///
  /// Blocks     the calling fiber. Once.
  /// Errors     canceled; else what kept a listener from serving.
  [[nodiscard]] result<void> serve();

  /// Safe from  any fiber or thread; more than once does no harm.
  void request_stop() noexcept;

  /// As request_stop(), for a server whose sockets() another process has: no client notices. Connections that
  /// have just been accepted, or are idle, are served one more request, with Connection: close, if it comes
  /// within options.farewell; and the paths of unix sockets stay.
  ///
  /// Safe from  any fiber or thread. A request_stop() cuts the farewell short.
  void hand_over() noexcept;

  /// Copies of all listening sockets, close-on-exec, for another process: see net::start_successor(). Each
  /// worker may have one of its own, and all must be accepted at there: clients wait in each. One
  /// listen("fd:N") for each, in any number of workers, does that.
  ///
  /// Errors     closed: it has been asked to stop. EMFILE.
  /// Safe from  any fiber or thread; not while listen() runs.
  [[nodiscard]] result<std::vector<io::owned_descriptor>> sockets() const;

  /// How it fares. All zero before serve().
  ///
  /// Safe from  any fiber or thread, while the server lives. From a fiber it runs on the worker's own stack.
  /// Cost       a few microseconds per worker.
  [[nodiscard]] server_metrics metrics() const;

  /// Where it listens, ports included, in the form that listen() takes. Sockets that share an address are
  /// one.
  std::vector<std::string> addresses() const;

 private:
  struct state;

  std::unique_ptr<state> state_;
};

}  // namespace weft::http

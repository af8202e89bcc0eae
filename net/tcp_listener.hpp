// A TCP listener: gives connections one by one, or serves them all on all workers.
//
// While serve() runs, each worker accepts at a socket of its own (SO_REUSEPORT: see listening_socket.hpp),
// and each connection runs in a fiber of its own on the worker that accepted it, unless that has more than
// its share.
#pragma once

#include <concepts>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <weft/io/owned_descriptor.hpp>
#include <weft/net/listen_options.hpp>
#include <weft/net/stream_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

class tcp_listener {
 public:
  /// Listens at `at`: "127.0.0.1:80", "[::1]:80", "[::]:80" or ":80" for every address of the machine, IPv4
  /// included, port 0 for any free one, "fd:3" for a listening socket that this process was started with. Of
  /// two processes that want one port, the second fails.
  ///
  /// Errors     address_error; EADDRINUSE, EACCES (a port below net.ipv4.ip_unprivileged_port_start),
  ///            EADDRNOTAVAIL and what else the kernel says; for "fd:N" EBADF, ENOTSOCK, EINVAL if it does
  ///            not listen.
  [[nodiscard]] static result<tcp_listener> bind(std::string_view at, listen_options options = {});

  tcp_listener(tcp_listener&&) noexcept;
  tcp_listener& operator=(tcp_listener&&) noexcept;
  /// close(). No serve() may be running.
  ~tcp_listener();

  /// The next connection, with no_delay set.
  ///
  /// What happens to a connection before it is accepted, and a shortage of descriptors or memory, are no
  /// errors here: it goes on, in the second case after 5 ms to 1 s, and turns away a client that there is no
  /// descriptor for.
  ///
  /// Blocks     the calling fiber.
  /// Errors     closed, canceled, deadline_exceeded. No other.
  [[nodiscard]] result<tcp_stream> accept(deadline until = {});

  /// Gives every connection to f, in a fiber of its own, until close() or until the calling fiber is asked to
  /// stop; then lets the connections end (options.drain), asks those that have not to stop, and waits for
  /// them.
  ///
  /// f(tcp_stream) is called from all workers at once. A connection whose f fails is closed and the others go
  /// on; an exception, and an error that is not what peers do every day (closed, canceled, deadline_exceeded,
  /// end_of_stream, reset, broken pipe, unreachable), goes to the error sink. `site`: where its fibers are
  /// shown to come from.
  ///
  /// Blocks     the calling fiber.
  /// Errors     canceled: it was asked to stop. closed: it was closed before.
  template <std::invocable<tcp_stream> F>
  [[nodiscard]] result<void> serve(F f, std::source_location site = std::source_location::current()) {
    return serve_with(
        {.call = detail::serve_connection<tcp_stream, F>, .f = std::addressof(f), .site = site});
  }

  /// Stops listening: accept() ends with closed, and serve() begins to drain. Clients that no one has
  /// accepted are reset.
  ///
  /// Safe from  any fiber or thread; more than once does no harm.
  void close() noexcept;

  /// Copies of its listening sockets, close-on-exec, for another process: see net::start_successor(). While
  /// serve() runs, there is one for each worker. All of them must be accepted at, for the kernel spreads
  /// connections over them. From now on no more of them are made.
  ///
  /// Errors     closed, EMFILE.
  /// Safe from  any fiber or thread.
  [[nodiscard]] result<std::vector<io::owned_descriptor>> sockets() const;

  /// Where it listens, port included, in the form of address::parse(); empty once closed.
  std::string local_address() const;

  /// The listening socket; -1 once closed.
  int native_handle() const noexcept;

 private:
  explicit tcp_listener(std::unique_ptr<detail::stream_listener> made) noexcept;
  result<void> serve_with(const detail::connection_handler& handler);

  std::unique_ptr<detail::stream_listener> listener_;  // where fibers find it though this moves
};

}  // namespace weft::net

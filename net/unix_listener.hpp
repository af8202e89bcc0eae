// A listener for unix sockets: gives connections one by one, or serves them all on all workers.
//
// Unix sockets cannot share an address, so while serve() runs one worker accepts for all, and passes
// connections on when it has more than its share.
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
#include <weft/net/unix_stream.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>

namespace weft::net {

/// Moves only.
class unix_listener {
 public:
  /// Listens at "/run/weft.sock" or "@abstract" (see unix_address), or, with "fd:3", at a listening socket
  /// that this process was started with, whose path it leaves to its maker unless options.owns_path. A socket
  /// file that a process has left behind, to which nobody listens, is replaced.
  ///
  /// To connect takes the permission to write to the path, and to search its folders. The path's mode is 0777
  /// without the bits of the umask, so with the usual 022 only its owner may connect.
  ///
  /// Errors     those of unix_address::parse(); EADDRINUSE: somebody listens there, or it is no socket;
  ///            ENOENT, EACCES and what else the kernel says. For "fd:N" EBADF, ENOTSOCK, EAFNOSUPPORT if it
  ///            is no unix stream socket, EINVAL if it does not listen.
  [[nodiscard]] static result<unix_listener> bind(std::string_view at, listen_options options = {});

  unix_listener(unix_listener&&) noexcept;
  unix_listener& operator=(unix_listener&&) noexcept;
  /// close(). No serve() may be running.
  ~unix_listener();

  /// The next connection. A shortage of descriptors or memory is waited out, as by tcp_listener.
  ///
  /// Blocks     the calling fiber.
  /// Errors     closed, canceled, deadline_exceeded. No other.
  [[nodiscard]] result<unix_stream> accept(deadline until = {});

  /// Gives every connection to f, in a fiber of its own, until close() or until the calling fiber is asked to
  /// stop; then drains. All as tcp_listener::serve().
  template <std::invocable<unix_stream> F>
  [[nodiscard]] result<void> serve(F f, std::source_location site = std::source_location::current()) {
    return serve_with(
        {.call = detail::serve_connection<unix_stream, F>, .f = std::addressof(f), .site = site});
  }

  /// Stops listening and removes the path, if it is still this socket's: accept() ends with closed, and
  /// serve() begins to drain.
  ///
  /// Safe from  any fiber or thread; more than once does no harm.
  void close() noexcept;

  /// From now on close() leaves the path, for another process listens there too.
  ///
  /// Safe from  one fiber or thread at a time, close() included.
  void keep_path() noexcept;

  /// Copies of its listening sockets, here one, close-on-exec, for another process: see
  /// net::start_successor().
  ///
  /// Errors     closed, EMFILE.
  [[nodiscard]] result<std::vector<io::owned_descriptor>> sockets() const;

  /// Where it listens, in the form of unix_address::parse().
  std::string local_address() const;

  /// The listening socket; -1 once closed.
  int native_handle() const noexcept;

 private:
  struct state;

  explicit unix_listener(std::unique_ptr<state> made) noexcept;
  result<void> serve_with(const detail::connection_handler& handler);

  std::unique_ptr<state> state_;  // where fibers find it though this moves
};

}  // namespace weft::net

#include <weft/net/unix_listener.hpp>

#include <sys/socket.h>

#include <utility>

#include <weft/io/owned_descriptor.hpp>
#include <weft/net/bound_path.hpp>
#include <weft/net/listen_at_path.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {

struct unix_listener::state {
  state(int fd, const unix_address& at, const listen_options& with, bool owns_path)
      : listener{{.fd = fd, .joinable = false}, {}, with}, local{at} {
    if (owns_path) path = detail::bound_path{at};
  }

  // By whoever comes first. A new listener can have the path while connections are still being served.
  void close() noexcept {
    if (listener.close()) path.remove();
  }

  detail::stream_listener listener;
  const unix_address local;
  detail::bound_path path;
};

unix_listener::unix_listener(std::unique_ptr<state> made) noexcept : state_{std::move(made)} {}
unix_listener::unix_listener(unix_listener&&) noexcept = default;
unix_listener& unix_listener::operator=(unix_listener&&) noexcept = default;
unix_listener::~unix_listener() {
  if (state_ != nullptr) state_->close();
}

result<unix_listener> unix_listener::bind(std::string_view at, listen_options options) {
  if (at.starts_with("fd:")) {
    const int fd = WEFT_TRY(detail::adopt_listening_socket(at.substr(3), true));
    sockaddr_un where{};
    socklen_t size = sizeof where;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0) return detail::system_failure();
    return unix_listener{
        std::make_unique<state>(fd, unix_address::from(where, size), options, options.owns_path)};
  }
  const unix_address where = WEFT_TRY(unix_address::parse(at));
  io::owned_descriptor socket = WEFT_TRY(detail::listen_at_path(where, options.backlog));
  return unix_listener{std::make_unique<state>(socket.release(), where, options, true)};
}

result<unix_stream> unix_listener::accept(deadline until) {
  return unix_stream{WEFT_TRY(state_->listener.accept(until))};
}

result<void> unix_listener::serve_with(const detail::connection_handler& handler) {
  return state_->listener.serve(handler);
}

void unix_listener::close() noexcept { state_->close(); }

void unix_listener::keep_path() noexcept { state_->path.keep(); }

result<std::vector<io::owned_descriptor>> unix_listener::sockets() const {
  return state_->listener.sockets();
}

std::string unix_listener::local_address() const { return state_->local.string(); }

int unix_listener::native_handle() const noexcept { return state_->listener.native_handle(); }

}  // namespace weft::net

#include <weft/net/unix_listener.hpp>

#include <sys/socket.h>

#include <utility>

#include <weft/io/owned_descriptor.hpp>
#include <weft/net/bound_path.hpp>
#include <weft/net/unix_address.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {

struct unix_listener::state {
  state(int fd, const unix_address& at, const listen_options& with)
      : listener{{.fd = fd, .joinable = false}, {}, with}, local{at}, path{at} {}

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
  const unix_address where = WEFT_TRY(unix_address::parse(at));
  io::owned_descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket || ::bind(socket.get(), where.data(), where.size()) != 0) return detail::system_failure();
  auto made = std::make_unique<state>(socket.release(), where, options);
  if (::listen(made->listener.native_handle(), options.backlog) != 0) return detail::system_failure();
  return unix_listener{std::move(made)};
}

result<unix_stream> unix_listener::accept(deadline until) {
  return unix_stream{WEFT_TRY(state_->listener.accept(until))};
}

result<void> unix_listener::serve_with(const detail::connection_handler& handler) {
  return state_->listener.serve(handler);
}

void unix_listener::close() noexcept { state_->close(); }

std::string unix_listener::local_address() const { return state_->local.string(); }

int unix_listener::native_handle() const noexcept { return state_->listener.native_handle(); }

}  // namespace weft::net

#include <weft/net/tcp_listener.hpp>

#include <weft/io/descriptor.hpp>
#include <weft/net/address.hpp>
#include <weft/net/listening_socket.hpp>
#include <weft/net/socket_options.hpp>

namespace weft::net {

tcp_listener::tcp_listener(std::unique_ptr<detail::stream_listener> made) noexcept
    : listener_{std::move(made)} {}
tcp_listener::tcp_listener(tcp_listener&&) noexcept = default;
tcp_listener& tcp_listener::operator=(tcp_listener&&) noexcept = default;
tcp_listener::~tcp_listener() {
  if (listener_ != nullptr) listener_->close();
}

result<tcp_listener> tcp_listener::bind(std::string_view at, listen_options options) {
  const detail::listening_socket made = WEFT_TRY(detail::open_listening_socket(at, options.backlog));
  detail::descriptor owned{made.fd};
  const address local = WEFT_TRY(address::local_of(made.fd));
  WEFT_TRY(set_no_delay(made.fd, true));  // what is accepted inherits it
  owned.release();
  return tcp_listener{std::make_unique<detail::stream_listener>(made, local, options)};
}

result<tcp_stream> tcp_listener::accept(deadline until) {
  return tcp_stream{WEFT_TRY(listener_->accept(until))};
}

result<void> tcp_listener::serve_with(const detail::connection_handler& handler) {
  return listener_->serve(handler);
}

void tcp_listener::close() noexcept { listener_->close(); }

result<std::vector<io::owned_descriptor>> tcp_listener::sockets() const { return listener_->sockets(); }

std::string tcp_listener::local_address() const {
  const address* const at = listener_->local();
  return at != nullptr ? at->string() : std::string{};
}

int tcp_listener::native_handle() const noexcept { return listener_->native_handle(); }

}  // namespace weft::net

#include <weft/net/unix_datagram.hpp>

#include <sys/socket.h>

#include <cerrno>

#include <weft/net/message.hpp>

namespace weft::net {
namespace {

std::unexpected<std::error_code> last_error() noexcept {
  return std::unexpected(std::error_code{errno, std::system_category()});
}

}  // namespace

result<unix_datagram> unix_datagram::open() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return last_error();
  return unix_datagram{fd};
}

result<unix_datagram> unix_datagram::bind(std::string_view at) {
  const unix_address where = WEFT_TRY(unix_address::parse(at));
  unix_datagram made = WEFT_TRY(open());
  if (::bind(made.native_handle(), where.data(), where.size()) != 0) return last_error();
  made.path_ = detail::bound_path{where};
  return made;
}

result<std::pair<unix_datagram, unix_datagram>> unix_datagram::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) return last_error();
  return std::pair{unix_datagram{fds[0]}, unix_datagram{fds[1]}};
}

result<void> unix_datagram::connect(std::string_view to) {
  const unix_address at = WEFT_TRY(unix_address::parse(to));
  if (::connect(native_handle(), at.data(), at.size()) != 0) return last_error();
  return {};
}

result<void> unix_datagram::send(byte_view bytes, deadline until) {
  WEFT_TRY(detail::send_message(descriptor_, {.bytes = bytes}, until));
  return {};
}

result<void> unix_datagram::send_to(byte_view bytes, const unix_address& to, deadline until) {
  WEFT_TRY(detail::send_message(descriptor_, {.bytes = bytes, .to = to.data(), .to_size = to.size()}, until));
  return {};
}

result<unix_datagram::received> unix_datagram::recv(std::span<std::byte> into, deadline until) {
  detail::incoming_message m{.into = into};
  const std::size_t size = WEFT_TRY(detail::receive_message(descriptor_, m, until));
  return received{size, m.truncated};
}

result<unix_datagram::received_from> unix_datagram::recv_from(std::span<std::byte> into, deadline until) {
  sockaddr_un from{};
  detail::incoming_message m{
      .into = into, .from = reinterpret_cast<sockaddr*>(&from), .from_size = sizeof from};
  const std::size_t size = WEFT_TRY(detail::receive_message(descriptor_, m, until));
  return received_from{{size, m.truncated}, unix_address::from(from, m.from_size)};
}

}  // namespace weft::net

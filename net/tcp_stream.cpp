#include <weft/net/tcp_stream.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include <weft/net/address.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/socket_options.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::net {
namespace {

result<tcp_stream> connect_to(const address& to, deadline until) {
  const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) return std::unexpected(std::error_code{errno, std::system_category()});
  detail::descriptor socket{fd};
  WEFT_TRY(set_no_delay(fd, true));
  WEFT_TRY(socket.connect(to.data(), to.size(), until));
  return tcp_stream{socket.release()};
}

bool ends_all_attempts(const std::error_code& error) noexcept {
  return error == errc::canceled || error == errc::deadline_exceeded;
}

// Out of line: the numeric case should not pay its stack.
WEFT_NOINLINE result<tcp_stream> connect_by_name(std::string_view host_port, std::error_code no_address,
                                                 deadline until) {
  // What has no port, or a bad one, or brackets, would be no better with a name in it.
  const std::string_view host = host_port.substr(0, host_port.find(':'));
  if (no_address != address_error::bad_host || !detail::is_host_name(host))
    return std::unexpected(no_address);
  std::uint16_t port = 0;  // address::parse() has found it good
  std::from_chars(host.end() + 1, host_port.end(), port);

  const std::vector<address> candidates = WEFT_TRY(detail::resolve(host, port, until));
  result<tcp_stream> last = std::unexpected(errc::closed);
  for (const address& to : candidates) {
    last = connect_to(to, until);
    if (last || ends_all_attempts(last.error())) break;
  }
  return last;
}

}  // namespace

tcp_stream::tcp_stream(int connected) noexcept : socket_{connected} {}

result<tcp_stream> tcp_stream::connect(std::string_view host_port, deadline until) {
  const auto numeric = address::parse(host_port);
  if (!numeric) return connect_by_name(host_port, numeric.error(), until);
  return connect_to(*numeric, until);
}

result<std::size_t> tcp_stream::read(std::span<std::byte> into, deadline until) {
  if (into.empty()) return std::size_t{0};
  return socket_.recv(into, 0, until);
}

result<void> tcp_stream::read_exactly(std::span<std::byte> into, deadline until) {
  while (!into.empty()) {
    const std::size_t count = WEFT_TRY(socket_.recv(into, 0, until));
    if (count == 0) return std::unexpected(errc::end_of_stream);
    into = into.subspan(count);
  }
  return {};
}

result<void> tcp_stream::wait_readable(deadline until) {
  WEFT_TRY(socket_.poll(POLLIN, until));
  return {};
}

result<void> tcp_stream::write_all(byte_view bytes, deadline until) {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) left = left.subspan(WEFT_TRY(socket_.send(left, 0, until)));
  return {};
}

result<std::size_t> tcp_stream::write_some(byte_view bytes, deadline until) {
  if (bytes.empty()) return std::size_t{0};
  return socket_.send(bytes, 0, until);
}

result<void> tcp_stream::shutdown_write() { return socket_.shutdown(SHUT_WR); }

void tcp_stream::close() noexcept { socket_.close(); }

int tcp_stream::native_handle() const noexcept { return socket_.native_handle(); }

}  // namespace weft::net

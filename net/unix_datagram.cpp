#include <weft/net/unix_datagram.hpp>

#include <sys/socket.h>

#include <weft/runtime/base/system_failure.hpp>

namespace weft::net {

result<unix_datagram> unix_datagram::open() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return detail::system_failure();
  return unix_datagram{fd};
}

result<unix_datagram> unix_datagram::bind(std::string_view at) {
  const unix_address where = WEFT_TRY(unix_address::parse(at));
  unix_datagram made = WEFT_TRY(open());
  if (::bind(made.native_handle(), where.data(), where.size()) != 0) return detail::system_failure();
  made.path_ = detail::bound_path{where};
  return made;
}

result<std::pair<unix_datagram, unix_datagram>> unix_datagram::pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    return detail::system_failure();
  return std::pair{unix_datagram{fds[0]}, unix_datagram{fds[1]}};
}

result<void> unix_datagram::connect(std::string_view to) {
  const unix_address at = WEFT_TRY(unix_address::parse(to));
  if (::connect(native_handle(), at.data(), at.size()) != 0) return detail::system_failure();
  return {};
}

}  // namespace weft::net

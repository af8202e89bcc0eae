#include <weft/net/connect_any.hpp>

#include <sys/socket.h>

#include <vector>

#include <weft/net/socket_options.hpp>
#include <weft/net/staggered_race.hpp>
#include <weft/runtime/base/system_failure.hpp>

namespace weft::detail {
namespace {

result<net::tcp_stream> connect_in_order(std::span<const net::address> candidates, deadline until) {
  result<net::tcp_stream> last = std::unexpected(errc::closed);
  for (const net::address& to : candidates) {
    last = connect_to(to, until);
    if (last || last.error() == errc::canceled || last.error() == errc::deadline_exceeded) break;
  }
  return last;
}

}  // namespace

result<net::tcp_stream> connect_to(const net::address& to, deadline until) {
  const int fd = ::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) return system_failure();
  descriptor socket{fd};
  WEFT_TRY(net::set_no_delay(fd, true));
  WEFT_TRY(socket.connect(to.data(), to.size(), until));
  return net::tcp_stream{socket.release()};
}

result<net::tcp_stream> connect_any(std::span<const net::address> candidates, deadline until) {
  if (candidates.size() == 1) return connect_to(candidates.front(), until);
  if (current_fiber() == nullptr) return connect_in_order(candidates, until);
  const std::vector<net::address> order = in_turns(candidates);
  return staggered_race<net::tcp_stream>(order.size(), connection_attempt_delay, until,
                                         [&](std::size_t i) { return connect_to(order[i], until); });
}

}  // namespace weft::detail

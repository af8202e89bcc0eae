// A connection that notices within a minute that its peer is gone, and has room for a fast, distant one.
//
//   socket_options
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace net = weft::net;

weft::result<void> app() {
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto s = WEFT_TRY(net::tcp_stream::connect(listener.local_address(), 1s));
  const int fd = s.native_handle();
  WEFT_TRY(net::set_keepalive(fd, net::keepalive{.idle = 30s, .interval = 10s, .probes = 3}));
  WEFT_TRY(net::set_send_buffer(fd, 256 << 10));
  WEFT_TRY(net::set_no_delay(fd, false));  // gather small writes after all
  std::printf("send buffer: %zu bytes\n", WEFT_TRY(net::send_buffer(fd)));
  return {};
}

int main() { return weft::exit_status(weft::run(app), "socket_options"); }

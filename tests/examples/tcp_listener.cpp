// A TCP proxy: what connects to LISTEN is connected to TARGET, both ways at once, half-closes passed on.
//
//   tcp_listener LISTEN TARGET        tcp_listener [::]:8080 example.com:80
//   tcp_listener                      proxies a server of its own, asks it, and ends
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace net = weft::net;

weft::result<void> copy(net::tcp_stream& from, net::tcp_stream& to) {
  std::array<std::byte, 4096> buffer;
  while (const std::size_t n = WEFT_TRY(from.read(buffer, 60s)))
    WEFT_TRY(to.write_all(std::span{buffer}.first(n), 60s));
  return to.shutdown_write();
}

weft::result<void> proxy(net::tcp_stream client, std::string_view target) {
  auto server = WEFT_TRY(net::tcp_stream::connect(target, 5s));
  auto back = weft::spawn([&] { return copy(server, client); });
  WEFT_TRY(copy(client, server));
  return back.join();
}

weft::result<void> demonstrate() {
  auto target = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto greeter = weft::spawn([&] {
    return target.serve([](net::tcp_stream s) { return s.write_all("hello from behind the proxy\n"sv, 5s); });
  });
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto proxying = weft::spawn([&, at = target.local_address()] {
    return listener.serve([&at](net::tcp_stream s) { return proxy(std::move(s), at); });
  });

  auto s = WEFT_TRY(net::tcp_stream::connect(listener.local_address(), 5s));
  WEFT_TRY(s.shutdown_write());
  std::array<std::byte, 100> buffer;
  while (const std::size_t n = WEFT_TRY(s.read(buffer, 5s))) std::fwrite(buffer.data(), 1, n, stdout);

  listener.close();
  WEFT_TRY(proxying.join());
  target.close();
  return greeter.join();
}

weft::result<void> serve(std::string_view at, std::string_view target) {
  auto listener = WEFT_TRY(net::tcp_listener::bind(at));
  return listener.serve([target](net::tcp_stream s) { return proxy(std::move(s), target); });
}

int main(int argc, char** argv) {
  const auto ended = weft::run([=] { return argc > 2 ? serve(argv[1], argv[2]) : demonstrate(); });
  return weft::exit_status(ended, argc > 1 ? argv[1] : "tcp_listener");
}

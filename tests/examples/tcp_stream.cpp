// Sends a line to a server and prints what comes back, giving up after two seconds in all.
//
//   tcp_stream HOST:PORT [TEXT]       (without arguments: asks a server of its own)
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
namespace net = weft::net;

weft::result<void> ask(std::string at, std::string text) {
  const weft::deadline until = 2s;
  auto s = WEFT_TRY(net::tcp_stream::connect(at, until));
  WEFT_TRY(s.write_all(text + "\n", until));
  WEFT_TRY(s.shutdown_write());  // half-close: the answer still comes
  std::array<std::byte, 1024> buffer;
  while (const std::size_t n = WEFT_TRY(s.read(buffer, until))) std::fwrite(buffer.data(), 1, n, stdout);
  return {};
}

weft::result<void> ask_ourselves() {
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto server = weft::spawn([&]() -> weft::result<void> {
    auto s = WEFT_TRY(listener.accept(2s));
    std::array<std::byte, 1024> buffer;
    while (const std::size_t n = WEFT_TRY(s.read(buffer, 2s)))
      WEFT_TRY(s.write_all(std::span{buffer}.first(n), 2s));
    return {};
  });
  WEFT_TRY(ask(listener.local_address(), "hello"));
  return server.join();
}

int main(int argc, char** argv) {
  const auto asked =
      weft::run([=] { return argc > 1 ? ask(argv[1], argc > 2 ? argv[2] : "") : ask_ourselves(); });
  return weft::exit_status(asked, argc > 1 ? argv[1] : "tcp_stream");
}

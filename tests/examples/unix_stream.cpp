// A server that opens files for its clients: they get the open descriptor over a unix socket, if they may.
//
//   unix_stream          a server and a client in one process
#include <weft/weft.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace net = weft::net;

weft::result<void> serve_one(net::unix_stream client) {
  const net::peer_credentials who = WEFT_TRY(client.peer());
  if (who.uid != ::geteuid()) return client.write_all("not for you"sv, 5s);
  const weft::io::owned_descriptor file{::open("/proc/self/comm", O_RDONLY | O_CLOEXEC)};
  return client.send("here"sv, std::array{file.get()}, 5s);
}

weft::result<void> ask(std::string at) {
  auto server = WEFT_TRY(net::unix_stream::connect(at, 5s));
  std::array<std::byte, 64> bytes;
  std::array<weft::io::owned_descriptor, 1> descriptors;
  const net::received_message got = WEFT_TRY(server.receive(bytes, descriptors, 5s));
  std::printf("%.*s: %zu descriptor\n", static_cast<int>(got.bytes), reinterpret_cast<char*>(bytes.data()),
              got.descriptors);
  const std::size_t n = WEFT_TRY(weft::io::pread(descriptors[0].get(), bytes, 0, 5s));
  std::printf("it says: %.*s", static_cast<int>(n), reinterpret_cast<char*>(bytes.data()));
  return {};
}

int main() {
  const auto ended = weft::run([]() -> weft::result<void> {
    auto listener = WEFT_TRY(net::unix_listener::bind("@weft-example-" + std::to_string(::getpid())));
    auto serving = weft::spawn([&] { return listener.serve(serve_one); });
    WEFT_TRY(ask(listener.local_address()));
    listener.close();
    return serving.join();
  });
  return weft::exit_status(ended, "unix_stream");
}

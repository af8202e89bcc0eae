// An echo server whose connections hold no buffer while they wait: what comes lies in one of a few buffers of
// the worker, and is answered from there.
//
//   leased_bytes          the server and 100 clients in one process
#include <weft/weft.hpp>

#include <array>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;
namespace net = weft::net;
namespace io = weft::io;

weft::result<void> echo(net::tcp_stream s) {
  io::lessee me;               // how much of them this connection has; goes after what it has
  std::vector<std::byte> own;  // for when they are all out
  const auto memory = [&] {
    own.resize(1024);
    return std::span{own};
  };
  for (;;) {
    const io::leased_bytes got = WEFT_TRY(s.read_leased(me, memory, 60s));
    if (got.empty()) return {};
    WEFT_TRY(s.write_all(got.bytes(), 60s));
  }
}

weft::result<void> ask(const std::string& at) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  std::array<std::byte, 5> answer;
  WEFT_TRY(s.write_all(std::string_view{"hello"}, 5s));
  return s.read_exactly(answer, 5s);
}

int main() {
  const auto ended = weft::run([]() -> weft::result<void> {
    auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
    auto serving = weft::spawn([&] { return listener.serve(echo); });
    WEFT_TRY(weft::with_nursery([&](weft::nursery& n) {
      for (int i = 0; i < 100; ++i) n.spawn([&] { return ask(listener.local_address()); });
    }));
    std::puts("100 answers");
    listener.close();
    return serving.join();
  });
  return weft::exit_status(ended, "leased_bytes");
}

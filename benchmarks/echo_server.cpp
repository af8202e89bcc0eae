// TCP echo on one worker: a fiber and a buffer of 16 KiB per connection, as its rivals have them, which
// benchmarks/compare runs beside it (benchmarks/rivals/echo_*).
//
//   weft-echo PORT
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/runtime/runtime.hpp>

namespace {

weft::result<void> echo(weft::net::tcp_stream s) {
  std::vector<std::byte> buffer(16384);
  while (const std::size_t n = WEFT_TRY(s.read(buffer))) WEFT_TRY(s.write_all(std::span{buffer}.first(n)));
  return {};
}

weft::result<void> serve(const std::string& port) {
  auto listener = WEFT_TRY(weft::net::tcp_listener::bind("127.0.0.1:" + port));
  return listener.serve(echo);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: weft-echo PORT\n", stderr);
    return 2;
  }
  return weft::exit_status(weft::run([&] { return serve(argv[1]); }, {.workers = 1}), "weft-echo");
}

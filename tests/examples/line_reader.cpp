// A server that speaks in lines: "add 2 3" is answered "5", "quit" ends the connection. Asks itself a little.
//
//   line_reader
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace net = weft::net;

weft::result<void> calculate(net::tcp_stream s) {
  net::line_reader lines{s, /*line_max=*/100};
  while (const auto line = WEFT_TRY(lines.read_line(10s))) {
    int a = 0, b = 0;
    if (*line == "quit") break;
    const bool understood = std::sscanf(std::string{*line}.c_str(), "add %d %d", &a, &b) == 2;
    WEFT_TRY(s.write_all(understood ? std::to_string(a + b) + "\n" : "what?\n", 10s));
  }
  return {};
}

weft::result<void> ask(std::string at) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 1s));
  WEFT_TRY(s.write_all("add 2 3\r\nadd 20 22\nsubtract 1 1\nquit\n"sv, 1s));
  net::line_reader lines{s};
  while (const auto line = WEFT_TRY(lines.read_line(1s)))
    std::printf("%.*s\n", static_cast<int>(line->size()), line->data());
  return {};
}

weft::result<void> app() {
  auto listener = WEFT_TRY(net::tcp_listener::bind("127.0.0.1:0"));
  auto server = weft::spawn([&] { return listener.serve(calculate); });
  const auto asked = ask(listener.local_address());
  listener.close();
  WEFT_TRY(server.join());
  return asked;
}

int main() { return weft::exit_status(weft::run(app), "line_reader"); }

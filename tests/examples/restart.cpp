// A service that puts a new process of itself in its place: the listening socket goes over, and a client that
// connects in between waits until one of the two accepts.
//
//   restart              serves, starts its successor, and hands over; the successor asks itself, and ends
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;
namespace net = weft::net;

http::router routes() {
  http::router r;
  r.get("/", [](http::request&, http::response& s) { s.text("hello"); });
  return r;
}

weft::result<void> first(http::server& server, std::string_view program) {
  auto serving = weft::spawn([&] { return server.serve(); });
  const auto sockets = WEFT_TRY(server.sockets());
  const auto next = WEFT_TRY(net::start_successor({std::string{program}}, sockets, 10s));
  if (next.ended) {
    std::printf("it ended with %d\n", next.ended->code);  // a real service goes on
    server.request_stop();
  } else {
    server.hand_over();
  }
  WEFT_TRY(serving.join());
  std::printf("the first has answered what it had at hand\n");
  return {};
}

weft::result<void> second(http::server& server, net::activation& given) {
  auto serving = weft::spawn([&] { return server.serve(); });
  WEFT_TRY(given.report_ready());
  auto s = WEFT_TRY(net::tcp_stream::connect(server.addresses().front(), 5s));
  WEFT_TRY(s.write_all(std::string_view{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, 5s));
  net::line_reader lines{s};
  const auto line = WEFT_TRY(lines.read_line(5s));
  if (line) std::printf("the second: %.*s\n", static_cast<int>(line->size()), line->data());
  server.request_stop();
  return serving.join();
}

weft::result<void> app(std::string_view program, net::activation& given) {
  http::server server{routes(), {.drain = 5s, .farewell = 50ms}};
  for (auto& one : given.sockets)
    WEFT_TRY(server.listen("fd:" + std::to_string(one.socket.release())));
  if (given.is_successor()) return second(server, given);
  WEFT_TRY(server.listen("127.0.0.1:0"));
  return first(server, program);
}

int main(int, char** argv) {
  auto given = net::activated_sockets();  // before there are threads
  if (!given) return weft::exit_status(given, "restart");
  return weft::exit_status(weft::run([&] { return app(argv[0], *given); }), "restart");
}

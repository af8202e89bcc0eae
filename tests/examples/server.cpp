// An HTTP server with four routes: a precompiled one, one with a parameter, one with a body, one that fails.
//
//   server 127.0.0.1:8080        then: curl http://127.0.0.1:8080/hello/you
//   server                       asks itself, and ends
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace http = weft::http;
namespace net = weft::net;

http::router routes() {
  http::router r;
  r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
  r.get("/hello/{name}",
        [](http::request& q, http::response& s) { s.text("hello, " + std::string{q.param("name")}); });
  r.post("/echo", [](http::request& q, http::response& s) -> weft::result<void> {
    s.text(WEFT_TRY(q.body()));
    return {};
  });
  r.get("/nothing", [](http::request&, http::response&) -> weft::result<void> {
    return std::unexpected(http::status::not_found);
  });
  return r;
}

weft::result<void> ask(std::string at, std::string_view request) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  WEFT_TRY(s.write_all(request, 5s));
  net::line_reader lines{s};
  const auto line = WEFT_TRY(lines.read_line(5s));
  if (line) std::printf("%.*s\n", static_cast<int>(line->size()), line->data());
  return {};
}

weft::result<void> app(std::string_view at) {
  http::server server{routes(), {.drain = 1s}};
  WEFT_TRY(server.listen(at.empty() ? "127.0.0.1:0" : at));
  auto serving = weft::spawn([&] { return server.serve(); });
  if (at.empty()) {
    const std::string here = server.addresses().front();
    WEFT_TRY(ask(here, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"sv));
    WEFT_TRY(ask(here, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"sv));
    WEFT_TRY(ask(here, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"sv));
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string_view at = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(at); }), "server");
}

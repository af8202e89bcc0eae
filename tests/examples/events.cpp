// Server-sent events: a clock that a page shows with `new EventSource("/clock")`, and that goes on where it
// stopped when the connection breaks. The page says who is looking in a cookie.
//
//   events 127.0.0.1:8080        then: curl -N http://127.0.0.1:8080/clock
//   events                       looks itself, three times, and ends
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace http = weft::http;
namespace net = weft::net;

constexpr auto page =
    "<p id=t></p><script>new EventSource('/clock').onmessage = e => t.textContent = e.data</script>";

weft::result<void> ticks(http::request& q, http::response& s) {
  http::event_stream events{q, s};
  int tick = 0;
  std::from_chars(events.last_id().data(), events.last_id().data() + events.last_id().size(), tick);
  for (;;) {
    const std::string id = std::to_string(++tick);
    WEFT_TRY(events.send({.data = "tick " + id, .id = id, .retry = 1s}));
    WEFT_TRY(weft::this_fiber::sleep_for(10ms));
  }
}

http::router routes() {
  http::router r;
  r.get("/", [](http::request&, http::response& s) {
    s.set_cookie({.name = "looker", .value = "you", .max_age = 24h, .same_site = http::same_site::strict});
    s.html(page);
  });
  r.get("/clock", ticks);
  return r;
}

// Prints the fields called `name` of the answer, `count` at most.
weft::result<void> look(std::string at, std::string_view request, std::string_view name, int count) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  WEFT_TRY(s.write_all(request, 5s));
  net::line_reader lines{s};
  while (count != 0) {
    const auto line = WEFT_TRY(lines.read_line(5s));
    if (!line) break;
    if (!line->starts_with(name)) continue;
    std::printf("%.*s\n", static_cast<int>(line->size()), line->data());
    --count;
  }
  return {};
}

weft::result<void> app(std::string_view at) {
  http::server server{routes(), {.drain = 100ms}};
  WEFT_TRY(server.listen(at.empty() ? "127.0.0.1:0" : at));
  auto serving = weft::spawn([&] { return server.serve(); });
  if (at.empty()) {
    const std::string here = server.addresses().front();
    WEFT_TRY(look(here, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"sv, "Set-Cookie", 1));
    WEFT_TRY(look(here, "GET /clock HTTP/1.1\r\nHost: x\r\n\r\n"sv, "data:", 2));
    WEFT_TRY(look(here, "GET /clock HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 41\r\n\r\n"sv, "data:", 1));
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string_view at = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(at); }), "events");
}

// Middleware: what weft supplies, and one's own. Every response says how long it took; a group of routes asks
// for a key, one for a password, one for a token.
//
//   middleware 127.0.0.1:8080    then: curl -i -H 'X-Key: sesame' http://127.0.0.1:8080/private/7
//                                      curl -i -u ada:lovelace http://127.0.0.1:8080/admin
//   middleware                   asks itself, and ends
#include <weft/weft.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
namespace http = weft::http;
namespace net = weft::net;

weft::result<void> timed(http::request&, http::response& s, http::next next) {
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = next();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  s.header("Server-Timing", "all;dur=" + std::to_string(took.count()));
  return outcome;
}

weft::result<void> guarded(http::request& q, http::response&, http::next next) {
  if (!http::equals_secret(q.header("X-Key").value_or(""), "sesame")) return std::unexpected(http::status::forbidden);
  return next();
}

http::router routes() {
  http::router r;
  r.use(http::logger{{.sink = [](std::string_view line) {
    if (line.find(" 500 ") != line.npos) std::printf("logged: a 500\n");
  }}});
  r.use(http::request_id{});
  r.use(http::security_headers{{.content_security_policy = "default-src 'self'"}});
  r.use(http::cors{{.origins = {"https://example.org"}}});
  r.use(http::rate_limit{{.allowed = {.count = 100, .per = 1s}, .burst = 200}});
  if (!http::compression::codings().empty()) r.use(http::compression{});
  r.use(http::timeout{{.limit = 10s}});
  r.use(http::recover{{.sink = [](std::string_view report) {
    std::printf("%.*s\n", static_cast<int>(report.find(" (")), report.data());
  }}});
  r.use(timed);
  r.get("/", http::precompiled{http::status::ok, "text/plain", "Hello, World!"});
  http::router& inner = r.group("/private");
  inner.use(guarded);
  inner.get("/{id}", [](http::request& q, http::response& s) { s.text(q.param("id")); });
  http::router& admin = r.group("/admin");
  admin.use(http::basic_auth{{.realm = "engine", .users = {{"ada", "lovelace"}}}});
  admin.get("", [](http::request& q, http::response& s) { s.text(http::basic_credentials(q)->user); });
  http::router& machines = r.group("/machines");
  machines.use(http::bearer_auth{{.tokens = {"d2VmdA"}}});
  machines.get("/", [](http::request&, http::response&) { throw std::runtime_error{"out of order"}; });
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
    WEFT_TRY(ask(here, "GET /private/7 HTTP/1.1\r\nHost: x\r\n\r\n"sv));
    WEFT_TRY(ask(here, "GET /private/7 HTTP/1.1\r\nHost: x\r\nX-Key: sesame\r\n\r\n"sv));
    WEFT_TRY(ask(here, "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"sv));
    WEFT_TRY(ask(here, "GET /machines/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer d2VmdA\r\n\r\n"sv));
  } else {
    WEFT_TRY(weft::signals::wait({SIGINT, SIGTERM}));
  }
  server.request_stop();
  return serving.join();
}

int main(int argc, char** argv) {
  const std::string_view at = argc > 1 ? argv[1] : "";
  return weft::exit_status(weft::run([=] { return app(at); }), "middleware");
}

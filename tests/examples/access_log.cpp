// A server that logs its requests to standard output, and one request to it.
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
namespace http = weft::http;

weft::result<void> serve_and_ask() {
  auto log = WEFT_TRY(http::access_log::open("-"));  // or "/var/log/weft/access.log"
  auto writing = weft::spawn([&] { return log.run(); });
  http::router routes;
  routes.use(http::logger{{.sink = [&](std::string_view line) { log.write(line); }}});
  routes.get("/hello", [](http::request&, http::response& s) { s.text("hello"); });
  http::server server{std::move(routes)};
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  http::client client;
  auto reply = WEFT_TRY(client.get("http://" + server.addresses().front() + "/hello", 5s));
  WEFT_TRY(reply.body());
  server.request_stop();
  WEFT_TRY(serving.join());
  log.close();
  return writing.join();
}

int main() { return weft::exit_status(weft::run(serve_and_ask), "access_log"); }

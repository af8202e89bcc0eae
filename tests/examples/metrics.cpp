// What a program tells Prometheus: /metrics, with the numbers of its runtime and of its server.
//
//   metrics
#include <weft/weft.hpp>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;
namespace http = weft::http;
namespace net = weft::net;

// The body of a response, line by line.
template <class F>
weft::result<void> fetch(const std::string& at, std::string_view path, F each_line) {
  auto s = WEFT_TRY(net::tcp_stream::connect(at, 5s));
  WEFT_TRY(s.write_all("GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 5s));
  net::line_reader lines{s};
  while (const auto line = WEFT_TRY(lines.read_line(5s))) each_line(*line);
  return {};
}

weft::result<void> app() {
  http::router r;
  const http::server* self = nullptr;
  r.get("/", [](http::request&, http::response& s) { s.text("hello"); });
  r.get("/metrics", [&self](http::request&, http::response& s) {
    s.body(weft::on_thread_stack(
               [&] { return weft::to_prometheus(weft::metrics()) + http::to_prometheus(self->metrics()); }),
           weft::prometheus_content_type);
  });
  http::server server{std::move(r), {.drain = 1s}};
  self = &server;
  WEFT_TRY(server.listen("127.0.0.1:0"));
  auto serving = weft::spawn([&] { return server.serve(); });
  const std::string here = server.addresses().front();

  weft::histogram took;  // one of our own
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    WEFT_TRY(fetch(here, "/", [](std::string_view) {}));
    took.record(std::chrono::steady_clock::now() - begin);
  }
  std::printf("%llu calls, the median below a second: %s\n", static_cast<unsigned long long>(took.count()),
              took.percentile(0.5) < 1s ? "yes" : "no");
  WEFT_TRY(fetch(here, "/metrics", [](std::string_view line) {
    if (line.starts_with("weft_http_requests_total") || line.starts_with("weft_workers"))
      std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  }));
  const weft::runtime_metrics m = weft::metrics();
  std::printf("running fibers: %zu\n", m.fibers.running);
  weft::print_stats(m, stderr);
  server.request_stop();
  return serving.join();
}

int main() { return weft::exit_status(weft::run(app, weft::options{.workers = 1}), "metrics"); }
